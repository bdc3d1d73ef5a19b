/**
 * Session controller: makes what a Session object and its launch row ask for come true on a host, and lets the
 * object's phase follow (`phases.ts`). Looks at rows, objects and hosts as they are now, never at what happened to
 * them, so whoever leads next comes to the same verdict.
 */
import type { Session } from '../../core/crd/types.ts';
import { formatSessionUrl } from '../../core/protocol/moonlight/session-url.ts';
import { GleipnirError } from '../../core/runtime/errors.ts';
import type { Logger } from '../../core/runtime/log.ts';
import type { FlowFollower } from '../../core/session/flows.ts';
import type { LaunchRecord, SessionRecord } from '../../core/session/record.ts';
import type { TableReader, TableWriter } from '../../core/session/table.ts';
import type { ObjectStore } from '../../core/store/object-store.ts';
import type { Reconciler, ReconcileResult } from '../reconcile/types.ts';
import type { HostPool } from '../hosts/pool.ts';
import type { Generations } from '../sessions/generation.ts';
import {
  GAME_HAS_ENDED,
  HOST_IS_DOWN,
  IS_NOT_PAIRED,
  tooManyGames,
  type Verdict,
} from '../sessions/verdicts.ts';
import { Heard } from '../sessions/heard.ts';
import { planFollow, rowStateOf } from '../sessions/plan.ts';
import { lasting, phaseOf, SessionStatusWriter } from '../sessions/status.ts';

/** An ended session stays for so long, so that whoever asks for it can read why. */
const ENDED_KEPT_MS = 60_000;
/** A session whose identity is still in use at the host looks again so soon. */
const CONTENDED_MS = 100;
/** Faults of our own are retried for so long; then the launch has failed. */
const PROVISIONING_MS_MAX = 120_000;

export interface SessionControllerDeps {
  sessions: ObjectStore<'Session'>;
  pairings: Pick<ObjectStore<'Pairing'>, 'get'>;
  /** What people may use; a person without a User may use everything. */
  users: Pick<ObjectStore<'User'>, 'get'>;
  table: TableReader;
  /** How the streams are. */
  flows: Pick<FlowFollower, 'newestOf'>;
  rows: TableWriter<'session'>;
  generations: Generations;
  /** How the hosts are, and the games on them. */
  hosts: Pick<HostPool, 'isDown' | 'isGameOver'>;
  log: Logger;
  now: () => number;
  /** Port of the public RTSP listener, for `streamURL`. */
  rtspPort: () => number;
  /** How long a game without a player is kept. */
  graceMs: number;
  /** How long an ended session can be read. Default 60 s. */
  endedKeptMs?: number;
  /** Counts a stream that began to stand still. */
  onFreeze?: () => void;
}

export class SessionReconciler implements Reconciler {
  readonly #deps: SessionControllerDeps;
  readonly #status: SessionStatusWriter;
  /** When each session began what it does now (provisioning, being ready, being over). Bounded by the sessions. */
  readonly #since = new Map<string, number>();
  readonly #heard = new Heard();

  constructor(deps: SessionControllerDeps) {
    this.#deps = deps;
    this.#status = new SessionStatusWriter(deps);
  }

  async reconcile(id: string): Promise<ReconcileResult> {
    const { sessions, table } = this.#deps;
    const [session, launch, row] = await Promise.all([
      sessions.get(id),
      table.get('launch', id),
      table.get('session', id),
    ]);
    if (session === undefined) return this.#end(id);
    if (session.status?.phase === 'Ended') return this.#bury(id);
    if (launch === undefined) {
      return this.#finish(session, {
        message: 'This game was interrupted by a restart',
        reason: 'SESSION_NOT_FOUND',
      });
    }
    const verdict = await this.#verdictOn(session, launch);
    if (verdict !== undefined) return this.#finish(session, verdict);
    if (row === undefined || row.state === 'pending' || row.generation < launch.generation) {
      return this.#provision(session, launch, row);
    }
    return this.#announce(session, launch, row);
  }

  async #verdictOn(session: Session, launch: LaunchRecord): Promise<Verdict | undefined> {
    const { hosts, pairings } = this.#deps;
    const { metadata, spec, status } = session;
    if (status?.hostName !== undefined && hosts.isDown(status.hostName)) return HOST_IS_DOWN;
    if (isStarted(session) && hosts.isGameOver(metadata.name)) return GAME_HAS_ENDED;
    const player = launch.pairingName ?? spec.pairingReference.name;
    return (await pairings.get(player)) === undefined ? IS_NOT_PAIRED : undefined;
  }

  /** Starts the generation that the client asked for. */
  async #provision(
    session: Session,
    launch: LaunchRecord,
    former: SessionRecord | undefined,
  ): Promise<ReconcileResult> {
    const { generations, users, log, now } = this.#deps;
    const { id, generation } = launch;
    const userName = session.spec.userReference.name;
    if (generations.isContended(launch, userName)) return { requeueAfterMs: CONTENDED_MS };
    const { maxSessions = Infinity, hostSelector } = (await users.get(userName))?.spec ?? {};
    // From here to the place there must be no pause: of two launches at once, the other would not be counted.
    if (generations.isOneTooMany(launch, userName, maxSessions)) {
      return this.#finish(session, tooManyGames(maxSessions), generation);
    }
    let current = session;
    const isRetry =
      session.status?.phase === 'Provisioning' && session.status.launchGeneration === generation;
    if (!isRetry) this.#since.set(id, now());
    try {
      const placement = generations.place(launch, userName, hostSelector);
      const playedBy = launch.pairingName ?? session.spec.pairingReference.name;
      this.#status.noteTakeOver(session, playedBy);
      const facts = { launchGeneration: generation, hostName: placement.hostName, playedBy };
      const provisioning = await this.#status.move(session, 'provision', facts);
      if (provisioning === undefined) return {};
      current = provisioning;
      const row = await generations.begin(launch, placement, former);
      this.#since.set(id, now());
      return await this.#announce(current, launch, row);
    } catch (error) {
      const isFault = !(error instanceof GleipnirError);
      if (isFault && this.#ageOf(id) < PROVISIONING_MS_MAX) throw error;
      log.warn({ sessionId: id, generation, err: error }, 'session failed');
      return this.#finish(
        current,
        isFault
          ? { message: 'The machine could not start the game', reason: 'HOST_REFUSED' }
          : { message: error.message, reason: error.code },
        generation,
      );
    }
  }

  /** Tells the proxy where the generation of `row` streams, if it was not told; then lets the phase follow. */
  async #announce(session: Session, launch: LaunchRecord, row: SessionRecord): Promise<ReconcileResult> {
    const { id, generation } = row;
    if (session.status?.phase !== 'Provisioning') return this.#follow(session, row);
    const ready = await this.#status.move(session, 'ready', {
      ...lasting(session),
      launchGeneration: generation,
      streamURL: formatSessionUrl({
        encrypted: launch.corever >= 1,
        host: row.tokens.rtspLabel,
        port: this.#deps.rtspPort(),
      }),
    });
    if (ready === undefined) return {};
    this.#deps.log.info({ sessionId: id, generation, host: row.host?.name }, 'session is ready');
    return this.#follow(ready, row);
  }

  /** Lets the status follow what the relay sees, and ends what nobody plays any more. */
  async #follow(session: Session, row: SessionRecord): Promise<ReconcileResult> {
    const { flows, rows, graceMs, now, generations } = this.#deps;
    const { id, generation } = row;
    const newest = flows.newestOf(id);
    const flow = this.#heard.judge(id, newest?.generation === generation ? newest : undefined, now());
    const idleMs = Math.min(this.#ageOf(id), now() - (flow?.lastSeenAt ?? 0));
    const plan = planFollow(phaseOf(session), flow, { idleMs, graceMs });
    if (plan.isOver) return this.#finish(session, { message: 'Nobody came back to this game in time' });

    const moved =
      plan.step === undefined ? session : await this.#status.move(session, plan.step, lasting(session));
    if (moved === undefined) return {};
    const phase = phaseOf(moved);
    if (row.state !== rowStateOf(phase)) await rows.put({ ...row, state: rowStateOf(phase) });
    if (phase === 'Paused' && (await generations.hasGameEnded(id))) {
      return this.#finish(moved, GAME_HAS_ENDED);
    }
    await this.#noteFreeze(moved, plan.isFrozen);
    return { requeueAfterMs: plan.lookAgainMs };
  }

  async #noteFreeze(session: Session, isFrozen: boolean): Promise<void> {
    const { status } = session;
    if (status === undefined || (status.isFrozen ?? false) === isFrozen) return;
    const { log, onFreeze } = this.#deps;
    const facts = { sessionId: session.metadata.name, host: status.hostName };
    await this.#status.patch(session, {
      ...lasting(session),
      phase: status.phase,
      ...(isFrozen ? { isFrozen } : {}),
    });
    if (isFrozen) {
      log.warn(facts, 'stream is frozen');
      onFreeze?.();
    } else log.info(facts, 'stream is frozen no more');
  }

  /** Frees what a deleted session held. */
  async #end(id: string): Promise<ReconcileResult> {
    const { generations, table } = this.#deps;
    await generations.end(id, await table.get('session', id));
    this.#since.delete(id);
    this.#heard.forget(id);
    return {};
  }

  /** Frees what an ended session held, and removes its object a little later. */
  async #bury(id: string): Promise<ReconcileResult> {
    const { sessions, generations, table, endedKeptMs = ENDED_KEPT_MS } = this.#deps;
    await generations.end(id, await table.get('session', id));
    const leftMs = endedKeptMs - this.#ageOf(id);
    if (leftMs > 0) return { requeueAfterMs: leftMs };
    await sessions.delete(id);
    return {};
  }

  /** Ends a session, and tells whoever asks why. */
  async #finish(
    session: Session,
    { message, reason }: Verdict,
    launchGeneration = session.status?.launchGeneration ?? 0,
  ): Promise<ReconcileResult> {
    const id = session.metadata.name;
    const facts = {
      ...lasting(session),
      launchGeneration,
      message,
      ...(reason === undefined ? {} : { reason }),
    };
    const ended = await this.#status.move(session, 'end', facts);
    if (ended === undefined) return {};
    this.#deps.log.info({ sessionId: id, reason }, 'session is over');
    this.#since.set(id, this.#deps.now());
    return this.#bury(id);
  }

  /** Time since the session began what it does now; counted from the first look after a restart. */
  #ageOf(id: string): number {
    const now = this.#deps.now();
    const since = this.#since.get(id);
    if (since !== undefined) return now - since;
    this.#since.set(id, now);
    return 0;
  }
}

/** While a game is being started, what ends at its host is an older one. */
function isStarted(session: Session): boolean {
  return ['Ready', 'Streaming', 'Paused'].includes(phaseOf(session));
}
