/**
 * One request of one client, from its bytes to the bytes of the answer: identify, ask the host, note the result
 * in the stream row, answer. The row is written before the answer exists, because the client's first ping and
 * its CONNECT come less than a millisecond after it.
 */
import { isForbiddenUpstream } from '../../core/runtime/address.ts';
import type { Logger } from '../../core/runtime/log.ts';
import { sealRtspFrame, type RtspFrame } from '../../core/protocol/rtsp/encryption.ts';
import {
  findHeader,
  formatRtspResponse,
  parseRtspRequest,
  type RtspRequest,
  type RtspResponse,
} from '../../core/protocol/rtsp/message.ts';
import type { SessionRecord, StreamRecord } from '../../core/session/record.ts';
import type { TableReader, TableWriter } from '../../core/session/table.ts';
import { ticketOf, type RtspGate } from './gate.ts';
import {
  planReply,
  planRequest,
  type HostedSession,
  type PublicPorts,
  type RequestPlan,
} from './handshake.ts';
import { admit, identifyFrame, identifyPlain, type Origin } from './identify.ts';
import type { FrameTrials } from './limits.ts';
import type { RefusalReason } from './refusals.ts';
import type { LiveSessions } from './sessions.ts';
import { askHost } from './upstream.ts';

export interface ConductDeps {
  table: TableReader;
  streams: TableWriter<'stream'>;
  sessions: LiveSessions;
  trials: FrameTrials;
  gate: RtspGate;
  publicPorts: () => PublicPorts;
  /** Whether hosts on loopback may be dialled. */
  allowLoopback: boolean;
  hostTimeoutMs: number;
  refused: (reason: RefusalReason) => void;
  log: Logger;
}

/** A request that is complete, and where it came from. */
export interface Incoming {
  reading: { kind: 'plain'; message: Uint8Array } | { kind: 'encrypted'; frame: RtspFrame };
  origin: Origin;
  /** Aborted when the client goes away. */
  signal: AbortSignal;
}

type Plan = Extract<RequestPlan, { kind: 'forward' }>;

/** A request whose session is known. */
interface Identified {
  session: SessionRecord;
  request: RtspRequest;
  /** `undefined` for plain RTSP. */
  frame: RtspFrame | undefined;
}

const UNAVAILABLE = { status: 503, reason: 'Service Unavailable' };
const NOT_FOUND = { status: 454, reason: 'Session Not Found' };
const BAD_REQUEST = { status: 400, reason: 'Bad Request' };
const WILDCARDS = ['0.0.0.0', '::'];
const NO_BODY = new Uint8Array();

/**
 * Answers one request.
 *
 * @returns the bytes to send before closing; `undefined` to close without a word.
 */
export async function conduct(incoming: Incoming, deps: ConductDeps): Promise<Uint8Array | undefined> {
  const identified = await identify(incoming, deps);
  if (identified === undefined || identified instanceof Uint8Array) return identified;
  const { frame, session } = identified;
  const reply = await answer(identified, incoming.signal, deps);
  const bytes = formatRtspResponse(reply);
  if (frame === undefined) return bytes;
  const rikey = deps.sessions.rikeyOf(session);
  // The request's own sequence, which this generation takes only once: no IV repeats under one key.
  return rikey && sealRtspFrame(bytes, { key: rikey, sequence: frame.sequence, sender: 'host' });
}

/** Who asks what; or the bytes of a 454; or `undefined` to close without a word. */
async function identify(incoming: Incoming, deps: ConductDeps): Promise<Identified | Uint8Array | undefined> {
  const { reading, origin } = incoming;
  if (reading.kind === 'encrypted') {
    const found = await identifyFrame(reading.frame, origin.source, deps);
    if ('refusal' in found) {
      deps.refused(found.refusal);
      return undefined;
    }
    const request = parseRtspRequest(found.message);
    if (request !== undefined) return { session: found.session, request, frame: reading.frame };
    deps.refused('malformed');
    return undefined;
  }
  const request = parseRtspRequest(reading.message);
  if (request === undefined) {
    deps.refused('malformed');
    return undefined;
  }
  const session = await identifyPlain(request, origin, deps);
  if (session !== undefined) return { session, request, frame: undefined };
  deps.refused('unidentified');
  const bytes = formatRtspResponse(refusal(request, NOT_FOUND));
  // Strangers get no more than they gave.
  return bytes.length <= reading.message.length ? bytes : undefined;
}

async function answer(identified: Identified, signal: AbortSignal, deps: ConductDeps): Promise<RtspResponse> {
  const { request, frame } = identified;
  const log = deps.log.child({ sessionId: identified.session.id, method: request.method });
  const admitted = admit(identified.session, frame !== undefined, deps.sessions);
  if ('refusal' in admitted) {
    deps.refused(admitted.refusal);
    log.debug({ reason: admitted.refusal }, 'rtsp request refused');
    return refusal(request, NOT_FOUND);
  }
  const { session } = admitted;
  const sequence = frame?.sequence ?? readCSeq(request);
  const standing = await deps.table.get('stream', session.id);
  const plan = planRequest(request, session, standing);
  if (plan.kind === 'refuse' || sequence === undefined) {
    deps.refused('unexpected');
    log.debug({ target: request.target }, 'rtsp request not expected');
    return refusal(request, plan.kind === 'refuse' ? plan : BAD_REQUEST);
  }
  return forward({ session, request, plan, standing, sequence, signal, log }, deps);
}

interface Forwarding {
  session: HostedSession;
  request: RtspRequest;
  plan: Plan;
  /** The stream row as it stood before this request. */
  standing: StreamRecord | undefined;
  sequence: number;
  signal: AbortSignal;
  log: Logger;
}

async function forward(forwarding: Forwarding, deps: ConductDeps): Promise<RtspResponse> {
  const { session, request, plan, standing, log } = forwarding;
  const outcome = await ask(forwarding, deps);
  if (outcome.kind === 'failed') {
    deps.refused(outcome.reason);
    const { address, port } = session.host.rtsp;
    log.warn({ reason: outcome.reason, address, port }, 'host gave no rtsp reply');
    return refusal(request, UNAVAILABLE);
  }
  const { reply, stream } = planReply(outcome.reply, session, plan, deps.publicPorts());
  if (stream !== standing && (await deps.streams.put(stream)) === 'stale') {
    deps.refused('notReady');
    log.info({ generation: session.generation }, 'rtsp handshake overtaken by a newer launch');
    return refusal(request, NOT_FOUND);
  }
  // Of a session that ended while its host was asked, nobody else removes the row.
  if (deps.sessions.get(session.id) === undefined) await deps.streams.remove(session.id);
  log.debug({ status: reply.status }, 'rtsp request answered');
  if (plan.step.method === 'PLAY' && stream.isPlaying) {
    deps.gate.leave(ticketOf(session));
    log.info({ generation: session.generation }, 'rtsp handshake complete');
  }
  return reply;
}

async function ask(
  { session, plan, sequence, signal }: Forwarding,
  deps: ConductDeps,
): Promise<Awaited<ReturnType<typeof askHost>> | { kind: 'failed'; reason: RefusalReason }> {
  const { address, port, encrypted } = session.host.rtsp;
  if (isForbiddenUpstream(address, deps)) return { kind: 'failed', reason: 'hostForbidden' };
  const key = encrypted ? deps.sessions.rikeyOf(session) : undefined;
  if (encrypted && key === undefined) return { kind: 'failed', reason: 'fault' };
  return askHost(plan.request, {
    address,
    port,
    localAddress: WILDCARDS.includes(session.upstream.address) ? undefined : session.upstream.address,
    encryption: key && { key, sequence },
    timeoutMs: deps.hostTimeoutMs,
    signal,
  });
}

function refusal(request: RtspRequest, { status, reason }: { status: number; reason: string }): RtspResponse {
  return { status, reason, headers: [['CSeq', String(readCSeq(request) ?? 0)]], body: NO_BODY };
}

/** 0..2^32-1, or `undefined` when the request has none. */
function readCSeq({ headers }: RtspRequest): number | undefined {
  const value = findHeader(headers, 'CSeq')?.trim() ?? '';
  const cseq = /^\d{1,10}$/.test(value) ? Number(value) : undefined;
  return cseq !== undefined && cseq <= 0xffff_ffff ? cseq : undefined;
}
