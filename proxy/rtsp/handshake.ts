/**
 * The RTSP handshake back to back, without I/O: the client's request becomes ours to the host, the host's reply
 * becomes ours to the client, and what the reply says is noted in the stream record.
 *
 * What names addresses and secrets is replaced (`Session`, `Transport`, `X-SS-Ping-Payload`,
 * `X-SS-Connect-Data`, `Host`, URLs); everything else passes byte for byte.
 *
 * Source of the messages: moonlight-common-c `RtspConnection.c` (`performRtspHandshake`), and the recordings
 * `test/captures/rtsp-*.json`.
 */
import { isIPv6 } from 'node:net';
import { pingPayloadOf, type MediaStream } from '../../core/protocol/rtp/ping.ts';
import {
  findHeader,
  type RtspHeader,
  type RtspRequest,
  type RtspResponse,
} from '../../core/protocol/rtsp/message.ts';
import { parseAnnounce } from '../../core/protocol/sdp.ts';
import type { SessionRecord, StreamRecord } from '../../core/session/record.ts';

/** A session whose host is known. */
export type HostedSession = SessionRecord & { host: NonNullable<SessionRecord['host']> };

/** One of the three streams, as named in SETUP's target. */
export type StreamName = 'audio' | 'video' | 'control';

/** The relay's public UDP ports, which replace the host's in `Transport`. */
export type PublicPorts = Readonly<Record<StreamName, number>>;

/** What a request is, in this protocol's terms. */
export type HandshakeStep =
  | { method: 'OPTIONS' | 'DESCRIBE' | 'PLAY' }
  | { method: 'SETUP'; stream: StreamName }
  | { method: 'ANNOUNCE'; encryptionEnabled: number };

/** What to do with a request: ask the host, or refuse with an RTSP status. */
export type RequestPlan =
  | { kind: 'forward'; step: HandshakeStep; request: RtspRequest; stream: StreamRecord }
  | { kind: 'refuse'; status: number; reason: string };

/** Ports that a client assumes where a reply names none: moonlight-common-c `RtspConnection.c`. */
const DEFAULT_PORTS: PublicPorts = { audio: 48_000, video: 47_998, control: 47_999 };

const STATUS_OK = 200;
const SETUP_TARGET = /^streamid=(audio|video|control)(?:\/|$)/;
const SERVER_PORT = /server_port=(\d{1,5})(?!\d)/;
const PING_PAYLOAD = /^[\x20-\x7e]{16}$/;
const CONNECT_DATA = /^\s*(0x[0-9a-f]{1,8}|\d{1,10})(?![0-9a-z])/i;

/**
 * Turns the client's request into the one for the host.
 *
 * @param stream the stream row as it stands, of any generation. OPTIONS, and a SETUP without `Session`, begin
 * the handshake: they start the row anew.
 * @returns `refuse` for what the handshake does not know, and for PLAY before ANNOUNCE.
 */
export function planRequest(
  request: RtspRequest,
  session: HostedSession,
  stream: StreamRecord | undefined,
): RequestPlan {
  const step = readStep(request);
  if ('status' in step) return { kind: 'refuse', ...step };

  const fresh: StreamRecord = { id: session.id, generation: session.generation, isPlaying: false };
  const isCurrent = stream?.generation === session.generation && !isBeginning(step, request);
  const base = isCurrent ? stream : fresh;
  if (step.method === 'PLAY' && base.encryptionEnabled === undefined) {
    return { kind: 'refuse', status: 455, reason: 'Method Not Valid In This State' };
  }
  return { kind: 'forward', step, request: toHost(request, session, base.hostSession), stream: base };
}

/**
 * Turns the host's reply into ours, and notes what it says.
 *
 * @returns `stream` unchanged (the same object) when the host refused or said nothing new.
 */
export function planReply(
  reply: RtspResponse,
  session: HostedSession,
  plan: Extract<RequestPlan, { kind: 'forward' }>,
  ports: PublicPorts,
): { reply: RtspResponse; stream: StreamRecord } {
  const headers = toClient(reply.headers, session, plan.step, ports);
  if (reply.status !== STATUS_OK) return { reply: { ...reply, headers }, stream: plan.stream };
  if (plan.step.method === 'SETUP') addMissing(headers, session, plan.step.stream, ports);
  return { reply: { ...reply, headers }, stream: note(plan.step, reply, session, plan.stream) };
}

function readStep(request: RtspRequest): HandshakeStep | { status: number; reason: string } {
  switch (request.method) {
    case 'OPTIONS':
    case 'DESCRIBE':
    case 'PLAY':
      return { method: request.method };
    case 'SETUP': {
      const stream = SETUP_TARGET.exec(request.target)?.[1] as StreamName | undefined;
      return stream === undefined ? { status: 404, reason: 'Not Found' } : { method: 'SETUP', stream };
    }
    case 'ANNOUNCE': {
      const announce = parseAnnounce(request.body);
      if (announce === undefined) return { status: 400, reason: 'Bad Request' };
      return { method: 'ANNOUNCE', encryptionEnabled: announce.encryptionEnabled };
    }
    default:
      return { status: 501, reason: 'Not Implemented' };
  }
}

function isBeginning(step: HandshakeStep, request: RtspRequest): boolean {
  if (step.method === 'OPTIONS') return true;
  return step.method === 'SETUP' && findHeader(request.headers, 'Session') === undefined;
}

function toHost(request: RtspRequest, session: HostedSession, hostSession: string | undefined): RtspRequest {
  const { label, port } = session.host.rtsp;
  const headers = request.headers.flatMap(([name, value]): RtspHeader[] => {
    switch (name.toLowerCase()) {
      case 'host':
        return [[name, label]];
      case 'session':
        return hostSession === undefined ? [] : [[name, hostSession]];
      default:
        return [[name, value]];
    }
  });
  if (findHeader(headers, 'Host') === undefined) headers.push(['Host', label]);
  const urlHost = isIPv6(label) ? `[${label}]` : label;
  const target = request.target.includes('://') ? `rtsp://${urlHost}:${port}` : request.target;
  return { ...request, target, headers };
}

function toClient(
  headers: readonly RtspHeader[],
  session: HostedSession,
  step: HandshakeStep,
  ports: PublicPorts,
): RtspHeader[] {
  const { tokens } = session;
  return headers.flatMap(([name, value]): RtspHeader[] => {
    switch (name.toLowerCase()) {
      case 'session':
        return [[name, tokens.rtspSession + parametersOf(value)]];
      case 'transport':
        return [[name, step.method === 'SETUP' ? `server_port=${ports[step.stream]}` : 'unicast']];
      case 'x-ss-ping-payload':
        return [[name, pingPayloadOf(tokens.pingPayload, mediaOf(step))]];
      case 'x-ss-connect-data':
        return [[name, String(tokens.connectData)]];
      default:
        return [[name, value]];
    }
  });
}

/** Only SETUP of a stream has a payload; a host that gives one elsewhere means no stream in particular. */
function mediaOf(step: HandshakeStep): MediaStream {
  return step.method === 'SETUP' && step.stream === 'audio' ? 'audio' : 'video';
}

/** Adds what a client needs of SETUP where the host left it out. Clients compare names case-sensitively. */
function addMissing(
  headers: RtspHeader[],
  { tokens }: HostedSession,
  stream: StreamName,
  ports: PublicPorts,
): void {
  const wanted: RtspHeader[] = [
    ['Session', tokens.rtspSession],
    ['Transport', `server_port=${ports[stream]}`],
    stream === 'control'
      ? ['X-SS-Connect-Data', String(tokens.connectData)]
      : ['X-SS-Ping-Payload', pingPayloadOf(tokens.pingPayload, stream)],
  ];
  for (const header of wanted) {
    if (!headers.some(([name]) => name === header[0])) headers.push(header);
  }
}

function note(
  step: HandshakeStep,
  { headers }: RtspResponse,
  session: HostedSession,
  stream: StreamRecord,
): StreamRecord {
  switch (step.method) {
    case 'OPTIONS':
    case 'DESCRIBE':
      return stream;
    case 'ANNOUNCE':
      return { ...stream, encryptionEnabled: step.encryptionEnabled };
    case 'PLAY':
      return { ...stream, isPlaying: true };
    case 'SETUP': {
      const hostSession = findHeader(headers, 'Session')?.split(';', 1)[0] ?? stream.hostSession;
      const endpoint = noteEndpoint(step.stream, headers, session.host.rtsp.address);
      return { ...stream, ...(hostSession === undefined ? {} : { hostSession }), ...endpoint };
    }
  }
}

function noteEndpoint(
  stream: StreamName,
  headers: readonly RtspHeader[],
  address: string,
): Pick<StreamRecord, StreamName> {
  const named = Number(SERVER_PORT.exec(findHeader(headers, 'Transport') ?? '')?.[1] ?? 0);
  const port = named >= 1 && named <= 0xffff ? named : DEFAULT_PORTS[stream];
  if (stream === 'control') {
    const connectData = readConnectData(findHeader(headers, 'X-SS-Connect-Data'));
    return { control: { address, port, connectData } };
  }
  const pingPayload = findHeader(headers, 'X-SS-Ping-Payload') ?? '';
  return { [stream]: { address, port, ...(PING_PAYLOAD.test(pingPayload) ? { pingPayload } : {}) } };
}

/** Decimal or 0x, modulo 2^32, else 0: what a client makes of it. */
function readConnectData(value: string | undefined): number {
  return Number(CONNECT_DATA.exec(value ?? '')?.[1] ?? 0) >>> 0;
}

/** What follows the id in a `Session` value, such as `;timeout = 90`. */
function parametersOf(session: string): string {
  const start = session.indexOf(';');
  return start < 0 ? '' : session.slice(start);
}
