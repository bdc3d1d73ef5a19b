/**
 * Whose request is this? The proofs of a session that RTSP may carry, in the design's order.
 *
 *   encrypted   the frame opens under the rikey of exactly one live session
 *   plain       1. our `Session` value   2. our label in URL or `Host`   3. source address, for the gate's holder
 *
 * A wrong proof is never made up for by a weaker one: a client with a stale `Session` or label must not be
 * taken for whoever else sits behind its address.
 */
import { canonicalAddress } from '../../core/runtime/address.ts';
import { openRtspFrame, type RtspFrame } from '../../core/protocol/rtsp/encryption.ts';
import { findHeader, type RtspRequest } from '../../core/protocol/rtsp/message.ts';
import type { SessionRecord } from '../../core/session/record.ts';
import type { RtspGate } from './gate.ts';
import type { HostedSession } from './handshake.ts';
import type { FrameTrials } from './limits.ts';
import type { RefusalReason } from './refusals.ts';
import type { LiveSessions } from './sessions.ts';

export interface IdentifyDeps {
  sessions: LiveSessions;
  gate: Pick<RtspGate, 'holderOf'>;
  trials: FrameTrials;
}

/** What is known of a connection; addresses in canonical form. */
export interface Origin {
  /** Where the request came from. */
  source: string;
  /** Addresses of ours that a client without label may name in URL and `Host`. */
  ownAddresses: readonly string[];
}

/** The session of a frame, with the message in it; or why there is none. */
export type IdentifiedFrame =
  | { session: SessionRecord; message: Uint8Array }
  | { refusal: 'foreignFrame' | 'trialsLimited' | 'ambiguousFrame' | 'replayedFrame' };

/** Clients below 15 Mbit/s name this host in URL and `Host`, whatever sessionUrl0 said. */
const NO_HOST = '0.0.0.0';
const URL_HOST = /^rtsp(?:enc)?:\/\/(\[[^\]]*\]|[^/:]*)/;
const HOST_WITHOUT_PORT = /^(\[[^\]]*\]|[^:]*)/;

/**
 * Finds whose frame this is, by opening it, and takes its sequence number. Sessions of the same source come first;
 * among them and among the rest, those that wait for their handshake.
 */
export async function identifyFrame(
  frame: RtspFrame,
  source: string,
  { sessions, trials }: Pick<IdentifyDeps, 'sessions' | 'trials'>,
): Promise<IdentifiedFrame> {
  const live = sessions.all();
  for (const session of inOrder(live, source)) {
    const rikey = sessions.rikeyOf(session);
    if (rikey === undefined) continue;
    if (!trials.take(source, session.client.address === source)) return { refusal: 'trialsLimited' };
    const message = openRtspFrame(frame, rikey, 'client');
    if (message === undefined) continue;
    const same = live.filter((other) => sessions.rikeyOf(other)?.equals(rikey) === true);
    if (same.length > 1) return { refusal: 'ambiguousFrame' };
    if (!(await sessions.takeSequence(session, frame.sequence))) return { refusal: 'replayedFrame' };
    return { session, message };
  }
  return { refusal: 'foreignFrame' };
}

function inOrder(live: readonly SessionRecord[], source: string): SessionRecord[] {
  const ranks: SessionRecord[][] = [[], [], [], []];
  for (const session of live) {
    const isNear = session.client.address === source;
    ranks[(isNear ? 0 : 2) + (session.state === 'ready' ? 0 : 1)]?.push(session);
  }
  return ranks.flat();
}

/** Finds whose plain request this is; `undefined` when it proves nothing. */
export async function identifyPlain(
  request: RtspRequest,
  origin: Origin,
  { sessions, gate }: Pick<IdentifyDeps, 'sessions' | 'gate'>,
): Promise<SessionRecord | undefined> {
  const value = findHeader(request.headers, 'Session')?.split(';', 1)[0]?.trim();
  if (value !== undefined) return only(sessions.all(), ({ tokens }) => tokens.rtspSession === value);

  const names = namesOf(request).filter((name) => name !== '' && name !== NO_HOST);
  const labelled = sessions.all().filter(({ tokens }) => names.includes(tokens.rtspLabel.toLowerCase()));
  if (labelled.length > 0) return only(labelled, () => true);
  if (!names.every((name) => origin.ownAddresses.includes(name))) return undefined;

  const holder = await gate.holderOf(origin.source);
  const session = holder && sessions.get(holder.id);
  return session?.generation === holder?.generation ? session : undefined;
}

/** Whether this session may speak RTSP now, and in this manner; a refusal when not. */
export function admit(
  session: SessionRecord,
  isEncrypted: boolean,
  sessions: LiveSessions,
): { session: HostedSession } | { refusal: RefusalReason } {
  const { host, state } = session;
  const launch = sessions.launchOf(session);
  const isReady = state === 'ready' || state === 'streaming';
  if (!isReady || launch === undefined || host === undefined) return { refusal: 'notReady' };
  if (!isEncrypted && launch.corever >= 1) return { refusal: 'plainRefused' };
  return { session: { ...session, host } };
}

/** Hosts that the request names in its URL and its `Host` header, without port, in lower case. */
function namesOf({ target, headers }: RtspRequest): string[] {
  const url = URL_HOST.exec(target)?.[1];
  const host = HOST_WITHOUT_PORT.exec(findHeader(headers, 'Host')?.trim() ?? '')?.[1];
  return [url, host].map((name = '') => canonicalAddress(name.replace(/^\[|\]$/g, '')));
}

function only(
  sessions: readonly SessionRecord[],
  matches: (session: SessionRecord) => boolean,
): SessionRecord | undefined {
  const [first, second] = sessions.filter(matches);
  return second === undefined ? first : undefined;
}
