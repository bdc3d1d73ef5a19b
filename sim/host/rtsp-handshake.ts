/**
 * RTSP as a Moonlight host speaks it: whose request it is, and what is answered. Sans I/O; the header layout is
 * that of the recorded replies.
 */
import {
  findHeader,
  type RtspHeader,
  type RtspRequest,
  type RtspResponse,
} from '../../core/protocol/rtsp/message.ts';
import { formatDescribe, parseAnnounce, type Describe } from '../../core/protocol/sdp.ts';
import type { WolfHabits } from './habits.ts';
import type { SimStream } from './stream.ts';

const SESSION_TIMEOUT = 'timeout = 90';
/** What clients below 15 Mbit/s write instead of the host they were told. */
const NO_LABEL = '0.0.0.0';
const URL_HOST = /^rtsp(?:enc)?:\/\/([^/:]+)/;
const SETUP_TARGET = /^streamid=(audio|video|control)\//;

const REASON = {
  200: 'OK',
  400: 'Bad Request',
  404: 'Not Found',
  454: 'Session Not Found',
  455: 'Method Not Valid In This State',
  501: 'Not Implemented',
} as const;
type Status = keyof typeof REASON;

/** What all answers of a host share. */
export interface RtspHost {
  describe: Describe;
  /** UDP ports, bound. */
  ports: { control: number; video: number; audio: number };
  habits: WolfHabits;
}

/** Whose plain request this is. `candidates` are the streams told to use plain RTSP, newest first. */
export function identifyRequest<T extends { stream: SimStream }>(
  request: RtspRequest,
  candidates: readonly T[],
  from: { address: string; habits: WolfHabits },
): T | undefined {
  const session = findHeader(request.headers, 'Session')?.split(';', 1)[0];
  if (session !== undefined && !from.habits.constantSession) {
    return candidates.find(({ stream }) => stream.tokens.rtspSession === session);
  }
  const label = labelOf(request);
  if (label !== NO_LABEL) {
    const found = candidates.find(({ stream }) => stream.tokens.label === label);
    if (found !== undefined || !from.habits.legacyTokens) return found;
  }
  return candidates.find(({ stream }) => stream.request.clientAddress === from.address);
}

/** Answers one request of `stream`, and does to the stream what it asks. */
export function answerRequest(request: RtspRequest, stream: SimStream, host: RtspHost): RtspResponse {
  switch (request.method) {
    case 'OPTIONS':
      return answer(request, 200);
    case 'DESCRIBE':
      return { ...answer(request, 200), body: formatDescribe(host.describe) };
    case 'SETUP':
      return answerSetup(request, stream, host);
    case 'ANNOUNCE': {
      const announce = parseAnnounce(request.body);
      if (announce === undefined) return answer(request, 400);
      stream.describe(announce);
      return answer(request, 200);
    }
    case 'PLAY':
      return answer(request, stream.play() ? 200 : 455);
    default:
      return answer(request, 501);
  }
}

/** The answer to a request that belongs to no stream. */
export function answerStranger(request: RtspRequest): RtspResponse {
  return answer(request, 454);
}

function answerSetup(request: RtspRequest, { tokens }: SimStream, host: RtspHost): RtspResponse {
  const target = SETUP_TARGET.exec(request.target)?.[1];
  if (target !== 'audio' && target !== 'video' && target !== 'control') return answer(request, 404);
  const secret: RtspHeader =
    target === 'control'
      ? ['X-SS-Connect-Data', String(tokens.connectData)]
      : ['X-SS-Ping-Payload', tokens.pingPayload[target]];
  return answer(request, 200, [
    ['Session', `${tokens.rtspSession};${SESSION_TIMEOUT}`],
    ['Transport', `server_port=${host.ports[target]}`],
    ...(host.habits.legacyTokens ? [] : [secret]),
  ]);
}

function answer(request: RtspRequest, status: Status, headers: readonly RtspHeader[] = []): RtspResponse {
  const sequence = findHeader(request.headers, 'CSeq') ?? '0';
  return {
    status,
    reason: REASON[status],
    headers: [['CSeq', sequence], ...headers],
    body: new Uint8Array(0),
  };
}

function labelOf(request: RtspRequest): string {
  const host = findHeader(request.headers, 'Host') ?? URL_HOST.exec(request.target)?.[1];
  return host?.replace(/:\d+$/, '') ?? NO_LABEL;
}
