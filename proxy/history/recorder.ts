/**
 * Writes the history: what becomes of sessions, of those who pair, and of pairings. Several proxies may record the same;
 * ids follow from the session, its generation and what happened, so that the store keeps each event once.
 */
import type { Pairing, Session, SessionPhase } from '../../core/crd/types.ts';
import type { HistoryEvent, HistoryKind, PlayQuality } from '../../core/history/event.ts';
import type { History } from '../../core/history/history.ts';
import type { Logger } from '../../core/runtime/log.ts';
import { sessionOf } from '../../core/session/flows.ts';
import type { ObjectStore } from '../../core/store/object-store.ts';
import type { PairingExchanges } from '../pairing/exchange.ts';
import type { PairingOutcome } from '../pairing/outcome.ts';
import { PlayTally, sumUp } from './play.ts';
import { SAMPLE_S, type Streams } from './streams.ts';

/** Whose a session is and what it plays; `person` is `null` for a client that is a person of its own. */
export interface SessionNames {
  person: string | null;
  client: string;
  app: string;
}

export interface RecorderDeps {
  history: History;
  sessions: Pick<ObjectStore<'Session'>, 'list' | 'watch'>;
  pairings: Pick<ObjectStore<'Pairing'>, 'watch'>;
  exchanges: Pick<PairingExchanges, 'onEnd'>;
  streams: Streams;
  describe: (session: Session) => Promise<SessionNames>;
  /** Milliseconds since the epoch. */
  now: () => number;
  log: Logger;
}

/** Why a pairing failed, in words. */
const FAILURES: Record<Exclude<PairingOutcome, 'paired'>, string> = {
  pinWrong: 'The PIN was wrong',
  expired: 'No PIN was typed, or the client did not go on, in time',
  clientLeft: 'The client went away',
  replaced: 'The client started anew',
  failed: 'The exchange failed',
};
/** Phases of a game that came to its player. */
const CAME: ReadonlySet<SessionPhase> = new Set(['Ready', 'Streaming', 'Paused']);
const QUIT = 'The game was quit';
const GIVEN_UP = 'Given up before the game was ready';

/** What is remembered of a session until it is gone. */
interface Known {
  session: Session;
  names: SessionNames;
  generation: number;
  /** Whether this generation, and whether any, came to its player. */
  isReady: boolean;
  wasReady: boolean;
  isOver: boolean;
  tally: PlayTally;
  /** Of the generations before. */
  plays: PlayQuality[];
}

export class HistoryRecorder {
  readonly #deps: RecorderDeps;
  /** By id; as many as there are sessions. */
  readonly #known = new Map<string, Known>();
  readonly #unwatch: (() => void)[] = [];
  /** What happens is written in its order: no more waits than pairing exchanges and sessions can bring. Never rejects. */
  #work: Promise<void> = Promise.resolve();

  constructor(deps: RecorderDeps) {
    this.#deps = deps;
  }

  /** Records from now on; what an earlier process knew of standing sessions is read from the history meanwhile. */
  start(): void {
    const { sessions, pairings, exchanges, streams } = this.#deps;
    this.#unwatch.push(
      sessions.watch(({ type, object }) => {
        this.#later(() => (type === 'deleted' ? this.#forget(object) : this.#follow(object)));
      }),
      pairings.watch(({ type, object }) => {
        if (type === 'deleted') this.#later(() => this.#noteRemoved(object));
      }),
      exchanges.onEnd((outcome, { id, address, names }) => {
        const { clientName: client, userName: person } = names;
        const who = { address, ...(client === undefined ? {} : { client }) };
        const whose = person === undefined ? {} : { person };
        this.#later(() =>
          outcome === 'paired'
            ? this.#append(`${id}/paired`, 'paired', { ...who, ...whose })
            : this.#append(`${id}/paired`, 'pairingFailed', { ...who, reason: FAILURES[outcome] }),
        );
      }),
    );
    streams.onRow((row) => {
      this.#tallyOf(sessionOf(row.id), row.generation)?.note(row);
    });
    streams.onSample((row) => {
      this.#tallyOf(sessionOf(row.id), row.generation)?.sample(row, SAMPLE_S);
    });
    this.#later(async () => {
      const standing = await sessions.list();
      if (standing.length > 0) await this.#recall(standing);
    });
  }

  /** Resolves when everything that happened until now is written. */
  async stop(): Promise<void> {
    for (const unwatch of this.#unwatch.splice(0)) unwatch();
    await this.#work;
  }

  /** A person is about to end a session on the console. Resolves when that is written, or cannot be. */
  async noteEndedBy(sessionId: string, user: string | undefined): Promise<void> {
    this.#later(async () => {
      const known = this.#known.get(sessionId);
      const by = user === undefined ? '' : ` by ${user}`;
      if (known !== undefined) await this.#end(known, `Ended on the console${by}`);
    });
    await this.#work;
  }

  #tallyOf(id: string, generation: number): PlayTally | undefined {
    const known = this.#known.get(id);
    return known?.generation === generation ? known.tally : undefined;
  }

  #later(task: () => Promise<void>): void {
    this.#work = this.#work.then(task).catch((err: unknown) => {
      this.#deps.log.error({ err }, 'history cannot be written');
    });
  }

  /** Takes sessions over from an earlier process: which came to their players, and how their plays were. */
  async #recall(standing: readonly Session[]): Promise<void> {
    for (const session of standing) await this.#adopt(session, session.status?.launchGeneration ?? 1);
    const oldest = standing.map(({ metadata }) => metadata.creationTimestamp).sort()[0] ?? '';
    for await (const { at, id, kind, sessionId = '', quality } of this.#deps.history.read()) {
      if (at < oldest) break;
      const known = this.#known.get(sessionId);
      if (known === undefined) continue;
      const isOfNow = id.startsWith(`${sessionId}/${known.generation}/`);
      if (kind === 'started' || kind === 'resumed') {
        known.wasReady = true;
        known.isReady ||= isOfNow;
      }
      if (kind !== 'left' || quality === undefined) continue;
      if (isOfNow) known.tally = this.#tallyFrom(known.session, quality);
      else known.plays.push(quality);
    }
    for (const session of standing) await this.#follow(session);
  }

  async #adopt(session: Session, generation: number): Promise<Known> {
    const known: Known = {
      session,
      names: await this.#deps.describe(session),
      generation,
      isReady: false,
      wasReady: false,
      isOver: false,
      tally: this.#tallyFrom(session),
      plays: [],
    };
    this.#known.set(session.metadata.name, known);
    return known;
  }

  /** With what the table says already. */
  #tallyFrom({ metadata, status }: Session, former?: PlayQuality): PlayTally {
    const tally = new PlayTally(former);
    const row = this.#deps.streams.rowOf(metadata.name);
    if (row !== undefined && row.generation === status?.launchGeneration) tally.note(row);
    return tally;
  }

  async #follow(session: Session): Promise<void> {
    const { phase = 'Pending', launchGeneration = 1, message } = session.status ?? {};
    const generation = Math.max(1, launchGeneration);
    const known = this.#known.get(session.metadata.name) ?? (await this.#adopt(session, generation));
    if (known.generation !== generation) await this.#turnTo(known, session, generation);
    known.session = session;
    if (CAME.has(phase) && !known.isReady) await this.#begin(known);
    if (phase === 'Paused') await this.#leave(known);
    if (phase === 'Ended') await this.#end(known, message ?? QUIT);
  }

  async #forget(session: Session): Promise<void> {
    const known = this.#known.get(session.metadata.name) ?? (await this.#adopt(session, 1));
    await this.#end(known, known.wasReady ? QUIT : GIVEN_UP);
    this.#known.delete(session.metadata.name);
  }

  /** The session is being resumed, maybe by another client. */
  async #turnTo(known: Known, session: Session, generation: number): Promise<void> {
    await this.#leave(known);
    const { quality } = known.tally;
    if (quality !== undefined) known.plays.push(quality);
    known.tally = this.#tallyFrom(session);
    known.generation = generation;
    known.isReady = false;
    known.names = await this.#deps.describe(session);
  }

  async #begin(known: Known): Promise<void> {
    const isFirst = !known.wasReady;
    known.isReady = true;
    known.wasReady = true;
    await this.#tell(known, isFirst ? 'started' : 'resumed', {});
  }

  async #leave(known: Known): Promise<void> {
    if (!known.isReady) return;
    const { quality } = known.tally;
    await this.#tell(known, 'left', quality === undefined ? {} : { quality });
  }

  async #end(known: Known, reason: string): Promise<void> {
    if (known.isOver) return;
    known.isOver = true;
    const quality = sumUp([
      ...known.plays,
      ...(known.tally.quality === undefined ? [] : [known.tally.quality]),
    ]);
    const { name, creationTimestamp } = known.session.metadata;
    const kind = known.wasReady ? 'ended' : 'refused';
    await this.#append(`${name}/ended`, kind, {
      ...aboutOf(known),
      reason,
      since: creationTimestamp,
      ...(quality === undefined ? {} : { quality }),
    });
  }

  #tell(known: Known, kind: HistoryKind, more: Partial<HistoryEvent>): Promise<void> {
    const { name } = known.session.metadata;
    return this.#append(`${name}/${known.generation}/${kind}`, kind, { ...aboutOf(known), ...more });
  }

  #noteRemoved({ metadata, spec }: Pairing): Promise<void> {
    const { name, uid } = metadata;
    const person = spec.userReference.name;
    return this.#append(`${name}/${uid}/removed`, 'removed', {
      ...(spec.clientName === undefined ? {} : { client: spec.clientName }),
      ...(person === name ? {} : { person }),
    });
  }

  async #append(id: string, kind: HistoryKind, more: Partial<HistoryEvent>): Promise<void> {
    const { history, now, log } = this.#deps;
    const outcome = await history.append({ id, kind, at: new Date(now()).toISOString(), ...more });
    if (outcome === 'dropped') log.debug({ kind }, 'history is full for today');
  }
}

function aboutOf({ session, names }: Known): Partial<HistoryEvent> {
  const { person, client, app } = names;
  const host = session.status?.hostName;
  return {
    sessionId: session.metadata.name,
    client,
    app,
    ...(person === null ? {} : { person }),
    ...(host === undefined ? {} : { host }),
  };
}
