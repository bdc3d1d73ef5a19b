/**
 * Beginning and ending a generation of a session: one /launch or /resume and all that streams under it.
 *
 * The order is what keeps a host's stale peers away from the next stream (DESIGN, "Ending a generation"): ask the
 * relay to close, wait for its answer, then act on the host.
 */
import type { HostDriver } from '../../core/host/types.ts';
import { GleipnirError } from '../../core/runtime/errors.ts';
import type { Logger } from '../../core/runtime/log.ts';
import type { Sealer } from '../../core/runtime/seal.ts';
import type { LaunchRecord, SessionRecord } from '../../core/session/record.ts';
import type { TableReader, TableWriter } from '../../core/session/table.ts';
import type { HostPool, Placement } from '../hosts/pool.ts';
import { waitForFlowClosed } from './flow-closed.ts';
import type { SlotAllocator } from './slots.ts';
import { mintTokens } from './tokens.ts';

export interface GenerationsDeps {
  table: TableReader;
  rows: TableWriter<'session'>;
  hosts: HostPool;
  slots: SlotAllocator;
  sealer: Sealer;
  log: Logger;
  /** Source address towards hosts; the wildcard lets the kernel choose. */
  upstreamAddress: string;
}

export class Generations {
  readonly #deps: GenerationsDeps;

  constructor(deps: GenerationsDeps) {
    this.#deps = deps;
  }

  /**
   * The session's place on a host, reserved now if it has none.
   *
   * @throws GleipnirError APP_NOT_FOUND, NO_HOST_FREE
   */
  place(launch: LaunchRecord, pairingName: string): Placement {
    const { id, appId } = launch;
    const kept = this.#deps.hosts.placementOf(id);
    if (kept !== undefined) return kept;
    const placed = this.#deps.hosts.place({ id, appId, pairingName });
    if (placed === 'missing')
      throw new GleipnirError('APP_NOT_FOUND', 'No machine that is up offers this app');
    if (placed === 'busy') throw new GleipnirError('NO_HOST_FREE', 'No machine is free right now');
    return placed;
  }

  /**
   * Starts generation `launch.generation`: `/launch` on the host, or `/resume` where a `former` generation was.
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
    const pending = await this.#draft(launch, placement);
    await rows.put(pending);
    if (former !== undefined) await waitForFlowClosed(table, launch.id, former.generation);
    const host = await this.#startOnHost(launch, placement, former !== undefined);
    const ready: SessionRecord = { ...pending, state: 'ready', host };
    await rows.put(ready);
    return ready;
  }

  /** Ends a session for good: relay first, then the host, then the row. Idempotent. */
  async end(id: string, row: SessionRecord | undefined): Promise<void> {
    const { table, rows, hosts, slots, log } = this.#deps;
    if (row !== undefined) {
      await rows.put({ ...row, state: 'ended' });
      await waitForFlowClosed(table, id, row.generation);
      await this.#cancelOnHost(id);
    }
    hosts.release(id);
    slots.release(id);
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
  async #draft(launch: LaunchRecord, placement: Placement): Promise<SessionRecord> {
    const { table, slots, upstreamAddress } = this.#deps;
    const { id, generation, clientAddress, rikey, rikeyid } = launch;
    const tokens = mintTokens(await table.list('session'));
    const slot = slots.take(id, placement.hostName);
    if (tokens === undefined || slot === undefined) {
      throw new GleipnirError('NO_HOST_FREE', 'Too many sessions at once');
    }
    return {
      id,
      generation,
      state: 'pending',
      client: { address: clientAddress },
      keys: { rikey, rikeyid },
      tokens,
      upstream: { address: upstreamAddress, slot },
    };
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
    const answer = isResume ? await paired.resume(request) : await paired.launch(request);
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
