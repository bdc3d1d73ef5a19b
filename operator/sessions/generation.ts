/**
 * Beginning and ending a generation of a session: one /launch or /resume and all that streams under it.
 *
 * The order is what keeps a host's stale peers away from the next stream (DESIGN, "Ending a generation"): ask the
 * relay to close, wait for its answer, then act on the host.
 */
import type { HostDriver } from '../../core/host/types.ts';
import { GleipnirError, type ErrorCode } from '../../core/runtime/errors.ts';
import type { Logger } from '../../core/runtime/log.ts';
import type { Sealer } from '../../core/runtime/seal.ts';
import type { LaunchRecord, SessionRecord } from '../../core/session/record.ts';
import type { TableReader, TableWriter } from '../../core/session/table.ts';
import type { HostPool, Placement } from '../hosts/pool.ts';
import type { HostRule } from '../hosts/types.ts';
import { waitForFlowClosed } from './flow-closed.ts';
import type { Slots } from './slots.ts';
import { mintTokens } from './tokens.ts';

const NO_ANSWER: readonly ErrorCode[] = ['HOST_UNREACHABLE', 'HOST_ANSWER_INVALID'];

export interface GenerationsDeps {
  table: TableReader;
  rows: TableWriter<'session'>;
  hosts: HostPool;
  slots: Slots;
  sealer: Sealer;
  log: Logger;
  /** Source address towards hosts; the wildcard lets the kernel choose. */
  upstreamAddress: string;
}

/** What a session holds while it has a place. */
interface Held {
  user: string;
  identity: string;
  /** Whether it counts no more as a game of its user. */
  isEnding: boolean;
}

export class Generations {
  readonly #deps: GenerationsDeps;
  /** What each session holds; bounded by the sessions that have a place. */
  readonly #held = new Map<string, Held>();
  /** Sessions whose host was asked to launch and did not refuse; bounded as `#held` is. */
  readonly #mayRun = new Set<string>();
  /** The last draft: rows are drafted one by one, each from those that stand, so that no two hold the same. */
  #drafting: Promise<unknown> = Promise.resolve();

  constructor(deps: GenerationsDeps) {
    this.#deps = deps;
  }

  /**
   * Whether another session still plays, or is being ended, under the identity that this one would get: a host knows
   * one game of each identity, so that ending the old one would end the new one.
   */
  isContended({ id, appId }: LaunchRecord, userName: string): boolean {
    const identity = identityOf(userName, appId);
    return [...this.#held].some(([other, theirs]) => other !== id && theirs.identity === identity);
  }

  /** Whether a session that has no place yet would be one more than its user may have at once. */
  isOneTooMany({ id }: LaunchRecord, userName: string, sessionsMax: number): boolean {
    if (this.#held.has(id)) return false;
    const playing = [...this.#held.values()].filter(({ user, isEnding }) => user === userName && !isEnding);
    return playing.length >= sessionsMax;
  }

  /**
   * The session's place on a host, reserved now if it has none.
   *
   * @param hostSelector labels that the host must carry, besides those of the rules.
   * @throws GleipnirError APP_NOT_FOUND, NO_HOST_FREE
   */
  place({ id, appId }: LaunchRecord, userName: string, hostSelector: HostRule['hosts'] = {}): Placement {
    const kept = this.#deps.hosts.placementOf(id);
    if (kept !== undefined) return kept;
    const placed = this.#deps.hosts.place({ id, appId, user: userName }, hostSelector);
    if (placed === 'missing')
      throw new GleipnirError('APP_NOT_FOUND', 'No machine that is up offers this app');
    if (placed === 'busy') throw new GleipnirError('NO_HOST_FREE', 'No machine is free right now');
    this.#hold(id, userName, appId);
    return placed;
  }

  /**
   * Gives a session back what it held before a restart: its identity and its place. Tokens and slot stand in its row.
   *
   * @returns `false` when there is no such host any more.
   */
  restore(row: SessionRecord, held: { user: string; appId: number; hostName: string }): boolean {
    const { hosts } = this.#deps;
    const { id } = row;
    const { user, appId, hostName } = held;
    this.#hold(id, user, appId);
    this.#mayRun.add(id);
    return hosts.restore({ id, user, appId }, hostName, row.host?.rtsp.label) !== undefined;
  }

  /**
   * Starts generation `launch.generation`: `/resume` on the host where the `former` row says that the game was started
   * there, `/launch` otherwise. May be repeated after a failure.
   *
   * @returns the row as it stands in the table now, `ready`.
   * @throws GleipnirError NO_HOST_FREE, HOST_*
   */
  async begin(
    launch: LaunchRecord,
    placement: Placement,
    former: SessionRecord | undefined,
  ): Promise<SessionRecord> {
    const { table, rows } = this.#deps;
    const pending = await this.#inTurn(async () => {
      const draft = await this.#draft(launch, placement, former);
      await rows.put(draft);
      return draft;
    });
    await waitForFlowClosed(table, launch.id, launch.generation - 1);
    const host = await this.#startOnHost(launch, placement, former?.host !== undefined);
    const ready: SessionRecord = { ...pending, state: 'ready', host };
    await rows.put(ready);
    return ready;
  }

  /** Ends a session for good: relay first, then the host, then the row. Idempotent. */
  async end(id: string, row: SessionRecord | undefined): Promise<void> {
    const { table, rows, hosts, slots, log } = this.#deps;
    const held = this.#held.get(id);
    if (held !== undefined) held.isEnding = true;
    if (row !== undefined) {
      await rows.put({ ...row, state: 'ended' });
      await waitForFlowClosed(table, id, row.generation);
      if (row.host !== undefined || this.#mayRun.has(id)) await this.#cancelOnHost(id);
      await slots.rest(row);
    }
    hosts.release(id);
    this.#held.delete(id);
    this.#mayRun.delete(id);
    if (row === undefined) return;
    await rows.remove(id);
    log.info({ sessionId: id }, 'session ended');
  }

  /** Whether the host says that the game of this session is over. A host that does not answer says nothing. */
  async hasGameEnded(id: string): Promise<boolean> {
    try {
      const driver = await this.#driverOf(id);
      return driver !== undefined && !(await driver.serverinfo()).isBusy;
    } catch {
      return false;
    }
  }

  /** The row of the new generation, before its host is ready: fresh tokens and a fresh slot. */
  async #draft(
    { id, generation, appId, clientAddress, rikey, rikeyid }: LaunchRecord,
    { hostName, user }: Placement,
    former: SessionRecord | undefined,
  ): Promise<SessionRecord> {
    const { table, slots, upstreamAddress } = this.#deps;
    const standing = await table.list('session');
    const tokens = mintTokens(standing);
    const slot = await slots.pick(standing, hostName);
    if (tokens === undefined || slot === undefined) {
      throw new GleipnirError('NO_HOST_FREE', 'Too many sessions at once');
    }
    if (former !== undefined) await slots.rest(former);
    return {
      id,
      generation,
      state: 'pending',
      client: { address: clientAddress },
      keys: { rikey, rikeyid },
      tokens,
      place: { host: hostName, user, appId },
      ...(former?.host === undefined ? {} : { host: former.host }),
      upstream: { address: upstreamAddress, slot },
    };
  }

  #hold(id: string, user: string, appId: number): void {
    this.#held.set(id, { user, identity: identityOf(user, appId), isEnding: false });
  }

  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const mine = this.#drafting.then(act, act);
    this.#drafting = mine.catch(() => undefined);
    return mine;
  }

  async #startOnHost(
    launch: LaunchRecord,
    { hostName, hostAppId, driver }: Placement,
    isResume: boolean,
  ): Promise<NonNullable<SessionRecord['host']>> {
    const { rikeyid, parameters } = launch;
    const rikey = this.#deps.sealer.open(launch.rikey);
    const request = { appId: hostAppId, rikey, rikeyid, parameters };
    const paired = await driver();
    this.#mayRun.add(launch.id);
    const answer = await (isResume ? paired.resume(request) : paired.launch(request)).catch(
      (error: unknown) => {
        if (!isResume && isRefusal(error)) this.#mayRun.delete(launch.id);
        throw error;
      },
    );
    const { address, rtspPort, label, encrypted } = answer;
    return { name: hostName, rtsp: { address, port: rtspPort, label, encrypted } };
  }

  async #cancelOnHost(id: string): Promise<void> {
    try {
      await (await this.#driverOf(id))?.cancel();
    } catch (err) {
      this.#deps.log.warn({ sessionId: id, err }, 'host did not cancel');
    }
  }

  async #driverOf(id: string): Promise<HostDriver | undefined> {
    return this.#deps.hosts.placementOf(id)?.driver();
  }
}

/** A host that refused plays for somebody else, if at all; one that gave no usable answer may have started a game. */
function isRefusal(error: unknown): boolean {
  return error instanceof GleipnirError && !NO_ANSWER.includes(error.code);
}

/** A host keeps one game for each user and app. */
function identityOf(userName: string, appId: number): string {
  return `${userName}.${appId}`;
}
