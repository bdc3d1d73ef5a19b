/**
 * From a client's wish to a URL it can stream from: writes the launch row, makes the Session object, and waits until
 * the operator has a host ready.
 *
 * Asking is done in turn for each user, waiting is not: who asks for a game that somebody else still waits for takes
 * it over, and the one before is told so.
 *
 * A game that was launched for nobody must not stay: whatever goes wrong, or if the client hangs up, a session made
 * here is deleted again, unless somebody took it over. A session that is resumed is kept, unless it has ended.
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
import type { GateTicket, RtspGate } from '../rtsp/gate.ts';
import type { Turns } from '../turns.ts';
import { awaitSession, watchNewerLaunch } from './await-session.ts';
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

/** What the requests of one listener share. */
export interface PlayContext extends PlayDeps {
  /** By user. */
  turns: Turns;
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

/** A launch or resume that was asked of the operator; generation 1 is of a session made here. */
export type Asked = GateTicket;

/** Asks for a new game; to be called in the user's turn. @throws GleipnirError REQUEST_INVALID */
export async function startGame(deps: PlayContext, wish: Wish): Promise<Asked> {
  const { pairing, query, address } = wish;
  const asked = { id: randomUUID(), generation: 1, address };
  const { id } = asked;
  const { parameters } = query;
  if (parameters['mode'] === undefined)
    throw new GleipnirError('REQUEST_INVALID', 'The parameter mode is missing');
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
  } catch (error) {
    // Nobody waits for it: where this write failed, the next one may take its time to fail as well.
    void discard(deps, id);
    throw error;
  }
  deps.log.info({ sessionId: id, client: address, appId: query.appId }, 'client launches');
  return asked;
}

/**
 * Asks for the next generation of a game that runs, or is about to; to be called in the user's turn.
 *
 * @throws GleipnirError HOST_BUSY when another resume of it came first elsewhere.
 */
export async function resumeGame(deps: PlayContext, wish: Wish, session: Session): Promise<Asked> {
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
  return { id, generation, address: wish.address };
}

/**
 * Waits for the operator's answer to what was asked. @returns `sessionUrl0`.
 *
 * @throws GameFailed with the operator's reason, GleipnirError LAUNCH_TIMEOUT, APP_RUNNING when somebody took the game
 *   over, SESSION_NOT_FOUND when somebody ended it, or the reason of `wish.left`.
 */
export async function awaitGame(deps: PlayContext, wish: Wish, asked: Asked): Promise<string> {
  const { left } = wish;
  const giveUp = (reason: unknown) => deps.turns.run(turnOf(wish), () => abandon(deps, asked, reason));
  try {
    const streamURL = await awaitAnswer(deps, wish, asked);
    left.addEventListener('abort', () => void giveUp(left.reason), { once: true });
    return streamURL;
  } catch (error) {
    await giveUp(error);
    throw error;
  }
}

/** Whose turn a wish waits for. */
export function turnOf({ pairing }: Wish): string {
  return pairing.spec.userReference.name;
}

function launchRow(
  { sealer }: PlayDeps,
  { query, address, pairing }: Wish,
  own: Pick<LaunchRecord, 'id' | 'generation' | 'verb' | 'parameters'>,
): LaunchRecord {
  const { appId, rikey, rikeyid, corever } = query;
  const pairingName = pairing.metadata.name;
  return { ...own, appId, rikey: sealer.seal(rikey), rikeyid, corever, clientAddress: address, pairingName };
}

/** Until the host is ready and, for plain RTSP, the gate of the client's address is ours. */
async function awaitAnswer(deps: PlayDeps, { left }: Wish, asked: Asked): Promise<string> {
  const { id, generation } = asked;
  const timeout = new AbortController();
  const timer = setTimeout(() => {
    timeout.abort(new GleipnirError('LAUNCH_TIMEOUT', 'The machine did not start in time: try again'));
  }, deps.launchTimeoutMs ?? LAUNCH_TIMEOUT_MS);
  const newer = watchNewerLaunch(deps.table, {
    name: id,
    generation,
    reason: new GleipnirError('APP_RUNNING', 'This game was just started elsewhere'),
  });
  const signal = AbortSignal.any([left, timeout.signal, newer.signal]);
  try {
    const outcome = await awaitSession(deps.sessions, { name: id, generation, signal });
    if (outcome.kind === 'ended') throw new GameFailed(outcome.status);
    if (outcome.kind === 'gone') throw new GleipnirError('SESSION_NOT_FOUND', 'The game was ended');
    const { streamURL } = outcome;
    if (parseSessionUrl(streamURL)?.encrypted !== true) await enterGate(deps, asked, signal);
    signal.throwIfAborted();
    return streamURL;
  } finally {
    clearTimeout(timer);
    newer.stop();
  }
}

/** Takes the gate for a game that still runs: one that has ended was freed before it held anything. */
async function enterGate({ gate, table }: PlayDeps, asked: Asked, signal: AbortSignal): Promise<void> {
  await gate.enter(asked, signal);
  const row = await table.get('session', asked.id);
  if (row === undefined || row.state === 'ended') {
    throw new GleipnirError('SESSION_NOT_FOUND', 'The game was ended');
  }
}

/** Leaves nothing of what was asked for nobody; what somebody asked for since is theirs. */
async function abandon(deps: PlayDeps, asked: Asked, reason: unknown): Promise<void> {
  const { id, generation } = asked;
  deps.gate.leave(asked);
  try {
    const launch = await deps.table.get('launch', id);
    if (launch !== undefined && launch.generation > generation) return;
    if (generation === 1 || reason instanceof GameFailed) {
      await discard(deps, id);
      return;
    }
    // The session may have gone before the launch row was written; then nobody else removes that.
    if ((await deps.sessions.get(id)) === undefined) await deps.launches.remove(id);
  } catch (err) {
    deps.log.error({ sessionId: id, err }, 'launch could not be given up');
  }
}

/** Removes whatever there is of a session. */
async function discard({ sessions, launches, log }: PlayDeps, id: string): Promise<void> {
  try {
    await sessions.delete(id);
    await launches.remove(id);
  } catch (err) {
    log.error({ sessionId: id, err }, 'session could not be deleted');
  }
}
