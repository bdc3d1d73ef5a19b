/**
 * Upstream slots: triples of local ports the relay uses towards hosts. Replies are told apart by (slot, host), so
 * one slot serves any number of hosts but one session of each; every generation gets a fresh slot, and the old one
 * rests, because late datagrams of the old stream look like the new one's.
 *
 * Nothing is remembered here: which slots are in use stands in the session rows, which ones rest in the table's
 * claims, so a new leader knows both.
 */
import type { SessionRecord } from '../../core/session/record.ts';
import type { TableClaims } from '../../core/session/table.ts';

/** How long a slot is kept from its host after use. */
export const SLOT_REST_MS = 10_000;

export interface SlotsDeps {
  claims: Pick<TableClaims, 'take' | 'look'>;
  /** Slots are 0..slotsMax-1. */
  slotsMax: number;
}

export class Slots {
  readonly #deps: SlotsDeps;

  constructor(deps: SlotsDeps) {
    this.#deps = deps;
  }

  /**
   * The first slot towards `hostName` that is free; whoever asks writes it into its row before it asks again.
   *
   * @param rows every session row as it stands.
   * @returns `undefined` when none is free.
   */
  async pick(rows: readonly SessionRecord[], hostName: string): Promise<number | undefined> {
    const { claims, slotsMax } = this.#deps;
    const used = new Set(
      rows.filter((row) => hostNameOf(row) === hostName).map(({ upstream }) => upstream.slot),
    );
    for (let slot = 0; slot < slotsMax; slot += 1) {
      if (!used.has(slot) && (await claims.look(nameOf(hostName, slot))) === undefined) return slot;
    }
    return undefined;
  }

  /** Lets the slot of a generation that is over rest. Idempotent. */
  async rest(row: SessionRecord): Promise<void> {
    const { id, generation, upstream } = row;
    const hostName = hostNameOf(row);
    if (hostName === undefined) return;
    await this.#deps.claims.take(nameOf(hostName, upstream.slot), `${id} ${generation}`, SLOT_REST_MS);
  }
}

function hostNameOf({ place, host }: SessionRecord): string | undefined {
  return place?.host ?? host?.name;
}

function nameOf(hostName: string, slot: number): string {
  return `slot ${hostName} ${slot}`;
}
