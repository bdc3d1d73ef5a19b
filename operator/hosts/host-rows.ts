/** Keeps a row in the session table for each static host: how it is, what it offers, and the PIN to type at it. */
import { isDeepStrictEqual } from 'node:util';
import type { Sealer } from '../../core/runtime/seal.ts';
import { HOST_APPS_MAX } from '../../core/session/host-record.ts';
import type { TableReader, TableWriter } from '../../core/session/table.ts';
import type { HostFacts } from './types.ts';

export interface HostRowsDeps {
  table: Pick<TableReader, 'list'>;
  rows: TableWriter<'host'>;
  sealer: Sealer;
}

interface Written {
  generation: number;
  /** `undefined` for a row of somebody else's, whose PIN is sealed. */
  facts: HostFacts | undefined;
}

export class HostRows {
  readonly #deps: HostRowsDeps;
  /** By name of the host. */
  readonly #written = new Map<string, Written>();

  constructor(deps: HostRowsDeps) {
    this.#deps = deps;
  }

  /** Goes on from the rows that stand. */
  async adopt(): Promise<void> {
    for (const { id, generation } of await this.#deps.table.list('host'))
      this.#written.set(id, { generation, facts: undefined });
  }

  /** Writes what changed, and removes hosts that there are no more. @throws what the table throws. */
  async write(hosts: readonly HostFacts[]): Promise<void> {
    for (const facts of hosts) await this.#put(facts);
    const names = new Set(hosts.map(({ name }) => name));
    for (const name of [...this.#written.keys()].filter((each) => !names.has(each))) {
      await this.#deps.rows.remove(name);
      this.#written.delete(name);
    }
  }

  async #put(facts: HostFacts): Promise<void> {
    const { sealer, rows } = this.#deps;
    const { name: id, pin, apps, notices, ...rest } = facts;
    const written = this.#written.get(id);
    if (isDeepStrictEqual(written?.facts, facts)) return;
    const generation = (written?.generation ?? 0) + 1;
    await rows.put({
      ...rest,
      id,
      generation,
      apps: apps.slice(0, HOST_APPS_MAX),
      notices: [...notices],
      ...(pin === undefined ? {} : { pin: sealer.seal(Buffer.from(pin)) }),
    });
    this.#written.set(id, { generation, facts });
  }
}
