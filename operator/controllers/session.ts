/**
 * Session controller: makes what a Session object and its launch row ask for come true on a host.
 *
 *   Pending -> Provisioning -> Ready -> Streaming <-> Paused -> Ended
 */
import type { Session, SessionStatus } from '../../core/crd/types.ts';
import { formatSessionUrl } from '../../core/protocol/moonlight/session-url.ts';
import { GleipnirError } from '../../core/runtime/errors.ts';
import type { Logger } from '../../core/runtime/log.ts';
import type { LaunchRecord, SessionRecord } from '../../core/session/record.ts';
import type { TableReader, TableWriter } from '../../core/session/table.ts';
import type { ObjectStore } from '../../core/store/object-store.ts';
import type { Reconciler, ReconcileResult } from '../reconcile/types.ts';
import type { Generations } from '../sessions/generation.ts';
import { planStatus, rowStateOf } from '../sessions/plan.ts';

/** An ended session stays for so long, so that whoever waits for it can read why. */
const ENDED_KEPT_MS = 5_000;

export interface SessionControllerDeps {
  sessions: ObjectStore<'Session'>;
  table: TableReader;
  rows: TableWriter<'session'>;
  generations: Generations;
  log: Logger;
  now: () => number;
  /** Port of the public RTSP listener, for `streamURL`. */
  rtspPort: () => number;
  /** How long a game without a player is kept. */
  graceMs: number;
}

export class SessionReconciler implements Reconciler {
  readonly #deps: SessionControllerDeps;
  /** When each session became ready, or ended: ms since the epoch. Bounded by the sessions that exist. */
  readonly #since = new Map<string, number>();

  constructor(deps: SessionControllerDeps) {
    this.#deps = deps;
  }

  async reconcile(id: string): Promise<ReconcileResult> {
    const { sessions, table } = this.#deps;
    const [session, launch, row] = await Promise.all([
      sessions.get(id),
      table.get('launch', id),
      table.get('session', id),
    ]);
    if (session === undefined) return this.#end(id, row);
    if (session.status?.phase === 'Ended') return this.#bury(id, row);
    if (launch === undefined) {
      const error = new GleipnirError('SESSION_NOT_FOUND', 'This game was interrupted by a restart');
      return this.#fail(session, 0, error);
    }
    if (row === undefined || row.generation < launch.generation) return this.#provision(session, launch, row);
    return this.#follow(session, row);
  }

  /** Starts the generation that the client asked for, and tells the proxy where it streams. */
  async #provision(
    session: Session,
    launch: LaunchRecord,
    former: SessionRecord | undefined,
  ): Promise<ReconcileResult> {
    const { generations, log, graceMs } = this.#deps;
    const { id, generation } = launch;
    try {
      const placement = generations.place(launch, session.spec.pairingReference.name);
      const status = { launchGeneration: generation, hostName: placement.hostName };
      await this.#setStatus(session, { ...status, phase: 'Provisioning' });
      const { tokens } = await generations.begin(launch, placement, former);
      this.#since.set(id, this.#deps.now());
      const streamURL = formatSessionUrl({
        encrypted: launch.corever >= 1,
        host: tokens.rtspLabel,
        port: this.#deps.rtspPort(),
      });
      await this.#setStatus(session, { ...status, phase: 'Ready', streamURL });
      log.info({ sessionId: id, generation, host: placement.hostName }, 'session is ready');
      return { requeueAfterMs: graceMs };
    } catch (error) {
      return this.#fail(session, generation, error);
    }
  }

  /** Lets the status follow what the relay sees, and ends what nobody plays any more. */
  async #follow(session: Session, row: SessionRecord): Promise<ReconcileResult> {
    const { table, rows, log, graceMs, now } = this.#deps;
    const { id, generation } = row;
    const newest = await table.get('flow', id);
    const flow = newest?.generation === generation ? newest : undefined;
    const idleMs = now() - Math.max(flow?.lastSeenAt ?? 0, this.#since.get(id) ?? 0);
    const { phase, isOver, lookAgainMs } = planStatus(session, flow, { idleMs, graceMs });

    if (isOver || (phase === 'Paused' && (await this.#hasGameEnded(session)))) {
      log.info({ sessionId: id, isOver }, 'nobody plays this session any more');
      await this.#deps.sessions.delete(id);
      return {};
    }
    if (phase !== session.status?.phase) {
      await rows.put({ ...row, state: rowStateOf(phase) });
      await this.#setStatus(session, { ...session.status, launchGeneration: generation, phase });
      log.info({ sessionId: id, phase }, 'session changed');
    }
    return { requeueAfterMs: lookAgainMs };
  }

  /** Asked once, when the client leaves: did it leave because the host ended the app? */
  async #hasGameEnded(session: Session): Promise<boolean> {
    if (session.status?.phase === 'Paused') return false;
    return this.#deps.generations.hasGameEnded(session.metadata.name);
  }

  async #end(id: string, row: SessionRecord | undefined): Promise<ReconcileResult> {
    this.#since.delete(id);
    await this.#deps.generations.end(id, row);
    return {};
  }

  /** Frees what an ended session held, and removes its object a little later. */
  async #bury(id: string, row: SessionRecord | undefined): Promise<ReconcileResult> {
    const { sessions, generations, now } = this.#deps;
    const endedAt = this.#since.get(id);
    await generations.end(id, row);
    if (endedAt !== undefined && now() - endedAt >= ENDED_KEPT_MS) {
      await sessions.delete(id);
      return {};
    }
    if (endedAt === undefined) this.#since.set(id, now());
    return { requeueAfterMs: ENDED_KEPT_MS };
  }

  /** Tells whoever waits why there will be no game. */
  async #fail(session: Session, launchGeneration: number, error: unknown): Promise<ReconcileResult> {
    const known = error instanceof GleipnirError ? error : undefined;
    const id = session.metadata.name;
    this.#deps.log.warn({ sessionId: id, err: error }, 'session failed');
    this.#since.delete(id);
    await this.#setStatus(session, {
      phase: 'Ended',
      launchGeneration,
      message: known?.message ?? 'The machine could not start the game',
      reason: known?.code ?? 'HOST_REFUSED',
    });
    return {};
  }

  async #setStatus(session: Session, status: SessionStatus): Promise<void> {
    try {
      await this.#deps.sessions.patchStatus(session.metadata.name, status);
    } catch (error) {
      // Deleted meanwhile: its own event brings the next look.
      if (!(error instanceof GleipnirError && error.code === 'OBJECT_NOT_FOUND')) throw error;
    }
  }
}
