/**
 * From a client's wish to a URL it can stream from: writes the launch row, makes the Session object, and waits until
 * the operator has a host ready.
 *
 * A game that was launched for nobody must not stay: whatever goes wrong, or if the client hangs up, a session made
 * here is deleted again. A session that is resumed is kept, unless it has ended.
 */
import { randomUUID } from 'node:crypto';
import type { Pairing, Session } from '../../core/crd/types.ts';
import type { LaunchQuery } from '../../core/protocol/moonlight/launch-query.ts';
import { parseSessionUrl } from '../../core/protocol/moonlight/session-url.ts';
import { GleipnirError } from '../../core/runtime/errors.ts';
import type { Logger } from '../../core/runtime/log.ts';
import type { Sealer } from '../../core/runtime/seal.ts';
import type { LaunchRecord } from '../../core/session/record.ts';
import type { TableReader, TableWriter } from '../../core/session/table.ts';
import type { ObjectStore } from '../../core/store/object-store.ts';
import type { RtspGate } from '../rtsp/gate.ts';
import { awaitSession } from './await-session.ts';
import { GameFailed } from './game-failed.ts';

/** Clients give up at 120 s, ms. */
export const LAUNCH_TIMEOUT_MS = 110_000;

export interface PlayDeps {
  sessions: ObjectStore<'Session'>;
  table: TableReader;
  launches: TableWriter<'launch'>;
  sealer: Sealer;
  gate: Pick<RtspGate, 'enter' | 'leave'>;
  log: Logger;
  /** Default LAUNCH_TIMEOUT_MS. */
  launchTimeoutMs?: number;
}

/** What one request asks for. */
export interface Wish {
  pairing: Pairing;
  query: LaunchQuery;
  /** Canonical source address of the client. */
  address: string;
  /** Aborts when the client hangs up. */
  left: AbortSignal;
}

/**
 * Starts a new game. @returns `sessionUrl0`.
 *
 * @throws GameFailed with the operator's reason, GleipnirError LAUNCH_TIMEOUT, SESSION_NOT_FOUND when somebody ended
 *   it meanwhile, or the reason of `wish.left`.
 */
export async function startGame(deps: PlayDeps, wish: Wish): Promise<string> {
  const { pairing, query, left } = wish;
  const id = randomUUID();
  const { parameters } = query;
  if (parameters['mode'] === undefined)
    throw new GleipnirError('REQUEST_INVALID', 'The launch names no mode');
  try {
    await deps.launches.put(launchRow(deps, wish, { id, generation: 1, verb: 'launch', parameters }));
    await deps.sessions.create({
      name: id,
      spec: {
        userReference: pairing.spec.userReference,
        pairingReference: { name: pairing.metadata.name },
        gameReference: { name: String(query.appId) },
      },
    });
    deps.log.info({ sessionId: id, client: wish.address, appId: query.appId }, 'client launches');
    const streamURL = await awaitAnswer(deps, wish, { id, generation: 1 });
    left.addEventListener('abort', () => void discard(deps, id), { once: true });
    return streamURL;
  } catch (error) {
    await discard(deps, id);
    throw error;
  }
}

/**
 * Asks for the next generation of a game that runs already. @returns `sessionUrl0`.
 *
 * @throws as `startGame`; HOST_BUSY when another resume of it is under way elsewhere.
 */
export async function resumeGame(deps: PlayDeps, wish: Wish, session: Session): Promise<string> {
  const id = session.metadata.name;
  const former = await deps.table.get('launch', id);
  const generation = Math.max(former?.generation ?? 0, session.status?.launchGeneration ?? 0) + 1;
  // Old clients resume without a mode; hosts would then choose their own.
  const mode = former?.parameters['mode'];
  const parameters = { ...(mode === undefined ? {} : { mode }), ...wish.query.parameters };
  const row = launchRow(deps, wish, { id, generation, verb: 'resume', parameters });
  const appId = Number(session.spec.gameReference.name);
  if ((await deps.launches.put({ ...row, appId })) === 'stale') {
    throw new GleipnirError('HOST_BUSY', 'This game is being resumed elsewhere: try again');
  }
  deps.log.info({ sessionId: id, client: wish.address, generation }, 'client resumes');
  try {
    return await awaitAnswer(deps, wish, { id, generation });
  } catch (error) {
    deps.gate.leave(id);
    if (error instanceof GameFailed) await deps.sessions.delete(id);
    throw error;
  }
}

function launchRow(
  { sealer }: PlayDeps,
  { query, address }: Wish,
  own: Pick<LaunchRecord, 'id' | 'generation' | 'verb' | 'parameters'>,
): LaunchRecord {
  const { appId, rikey, rikeyid, corever } = query;
  return { ...own, appId, rikey: sealer.seal(rikey), rikeyid, corever, clientAddress: address };
}

/** Until the host is ready and, for plain RTSP, the gate of the client's address is ours. */
async function awaitAnswer(
  deps: PlayDeps,
  { address, left }: Wish,
  { id, generation }: { id: string; generation: number },
): Promise<string> {
  const timeout = new AbortController();
  const timer = setTimeout(() => {
    timeout.abort(new GleipnirError('LAUNCH_TIMEOUT', 'The machine did not start in time: try again'));
  }, deps.launchTimeoutMs ?? LAUNCH_TIMEOUT_MS);
  const signal = AbortSignal.any([left, timeout.signal]);
  try {
    const outcome = await awaitSession(deps.sessions, { name: id, generation, signal });
    if (outcome.kind === 'ended') throw new GameFailed(outcome.status);
    if (outcome.kind === 'gone') throw new GleipnirError('SESSION_NOT_FOUND', 'The game was ended');
    const { streamURL } = outcome;
    if (parseSessionUrl(streamURL)?.encrypted !== true) await deps.gate.enter(address, id, signal);
    signal.throwIfAborted();
    return streamURL;
  } finally {
    clearTimeout(timer);
  }
}

/** Removes whatever there is of a session made here. */
async function discard({ sessions, launches, gate, log }: PlayDeps, id: string): Promise<void> {
  gate.leave(id);
  try {
    await sessions.delete(id);
    await launches.remove(id);
  } catch (err) {
    log.error({ sessionId: id, err }, 'session could not be deleted');
  }
}
