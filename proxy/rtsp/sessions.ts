/**
 * The sessions that RTSP may belong to: a live local copy of the session and launch rows, with each rikey
 * unsealed once per generation. Which frame sequences were seen under it, the table's claims know for all proxies.
 */
import { TableFollower } from '../../core/session/follow.ts';
import type { LaunchRecord, SessionRecord } from '../../core/session/record.ts';
import type { TableClaims, TableReader } from '../../core/session/table.ts';
import type { Logger } from '../../core/runtime/log.ts';
import type { Sealer } from '../../core/runtime/seal.ts';

interface GenerationKey {
  generation: number;
  /** The sealed text that `rikey` came from. */
  sealed: string;
  /** 16 bytes; `undefined` when the seal is broken. */
  rikey: Buffer | undefined;
}

/**
 * How long the highest sequence of a generation is remembered after its last frame, ms: longer than games last, since
 * a recorded handshake may be replayed for as long as its generation lives.
 */
const SEQUENCE_KEPT_MS = 7 * 24 * 3_600_000;

export interface LiveSessionsDeps {
  table: TableReader;
  claims: Pick<TableClaims, 'advance'>;
  sealer: Sealer;
  /** Told each generation that ended or was followed by the next, as it stood before. */
  onOver?: (session: SessionRecord) => void;
  /** Told when the row of a session is gone. */
  onGone?: (id: string) => void;
  log: Logger;
}

/** Follows the table between `start` and `stop`; every look-up is synchronous. */
export class LiveSessions {
  readonly #deps: LiveSessionsDeps;
  readonly #follower: TableFollower<'session' | 'launch'>;
  /** By session id; a key goes when its session row goes. */
  readonly #keys = new Map<string, GenerationKey>();
  /** Sessions that have not ended, as seen before the change that is looked at now; as many as there are rows. */
  readonly #standing = new Map<string, SessionRecord>();

  constructor(deps: LiveSessionsDeps) {
    this.#deps = deps;
    this.#follower = new TableFollower({
      reader: deps.table,
      kinds: ['session', 'launch'],
      onError: (err) => {
        deps.log.error({ err }, 'session table not readable');
      },
    });
    this.#follower.onChange(({ kind, id }) => {
      if (kind !== 'session') return;
      this.#noteOver(id);
      if (this.#follower.get('session', id) !== undefined) return;
      this.#keys.delete(id);
      deps.onGone?.(id);
    });
  }

  start(): Promise<void> {
    return this.#follower.start();
  }

  stop(): void {
    this.#follower.stop();
  }

  /** Sessions that were launched and have not ended. */
  all(): SessionRecord[] {
    return [...this.#follower.all('session')].filter((session) => session.state !== 'ended');
  }

  /** The session of that id, unless it has ended. */
  get(id: string): SessionRecord | undefined {
    const session = this.#follower.get('session', id);
    return session?.state === 'ended' ? undefined : session;
  }

  /** The launch row that this generation of `session` answers. */
  launchOf(session: SessionRecord): LaunchRecord | undefined {
    const launch = this.#follower.get('launch', session.id);
    return launch?.generation === session.generation ? launch : undefined;
  }

  /** The session's rikey, 16 bytes; `undefined` (and logged once) when its seal is broken. */
  rikeyOf(session: SessionRecord): Buffer | undefined {
    return this.#keyOf(session).rikey;
  }

  /**
   * Takes a frame sequence of the client's, which counts from 1. @returns false for one that is not above all taken
   * before, here or by another proxy: a replay. @throws what the table throws.
   */
  takeSequence({ id, generation }: SessionRecord, sequence: number): Promise<boolean> {
    return this.#deps.claims.advance(`rtsp ${id} ${generation}`, sequence, SEQUENCE_KEPT_MS);
  }

  #noteOver(id: string): void {
    const before = this.#standing.get(id);
    const session = this.get(id);
    if (session === undefined) this.#standing.delete(id);
    else this.#standing.set(id, session);
    if (before !== undefined && before.generation !== session?.generation) this.#deps.onOver?.(before);
  }

  #keyOf(session: SessionRecord): GenerationKey {
    const { id, generation } = session;
    const sealed = session.keys.rikey;
    const known = this.#keys.get(id);
    if (known?.generation === generation && known.sealed === sealed) return known;
    const key = { generation, sealed, rikey: this.#unseal(session) };
    this.#keys.set(id, key);
    return key;
  }

  #unseal({ id, generation, keys }: SessionRecord): Buffer | undefined {
    try {
      const rikey = this.#deps.sealer.open(keys.rikey);
      if (rikey.length === 16) return rikey;
      this.#deps.log.error({ sessionId: id, generation }, 'rikey is not 16 bytes');
    } catch (err) {
      this.#deps.log.error({ err, sessionId: id, generation }, 'rikey does not open');
    }
    return undefined;
  }
}
