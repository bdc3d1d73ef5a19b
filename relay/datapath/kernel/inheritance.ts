/**
 * The entries that an earlier process left in the pinned maps: they forward on while this one starts. Each is taken up
 * by the leg that it belongs to, as soon as that is known; after a time, those that no leg wants are removed.
 */
import { isOpen, type Leg } from '../../flow/flow.ts';
import type { Bpf, BpfMap } from './bpf.ts';
import { routeOf, type RouteEntry } from './entry.ts';
import { ENTRY } from './layout.ts';

interface Inherited {
  map: BpfMap;
  key: Uint8Array;
  value: DataView;
  route: string;
}

/** What becomes of the entry that has the key of a leg. */
export type Claim =
  /** The leg's own: it forwards as the leg would. */
  | { kind: 'same'; value: DataView }
  /** It forwards elsewhere, perhaps rightly: a client that moved just before the restart. */
  | { kind: 'waits' }
  /** Nothing is there, any more. */
  | { kind: 'none' };

export class Inheritance {
  readonly #bpf: Bpf;
  /** By key; bounded by the maps. */
  readonly #entries = new Map<string, Inherited>();
  /** How each leg would be forwarded when it was first seen, where its entry says otherwise. */
  readonly #waiting = new Map<Leg, string>();
  /** The highest id of an entry. */
  readonly highestID: number;

  constructor(bpf: Bpf, maps: readonly BpfMap[]) {
    this.#bpf = bpf;
    let highestID = 0;
    for (const map of maps) {
      bpf.forEach(map, (view, bytes) => {
        const key = Uint8Array.from(bytes);
        const copy = Uint8Array.from(new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
        const value = new DataView(copy.buffer);
        highestID = Math.max(highestID, value.getUint32(ENTRY.id, true));
        this.#entries.set(nameOf(key), { map, key, value, route: routeOf(key, copy) });
      });
    }
    this.highestID = highestID;
  }

  get isEmpty(): boolean {
    return this.#entries.size === 0;
  }

  /**
   * What there is for `leg`, whose entry would be `entry`. A leg that has changed since it was first seen here knows
   * better than its entry, which is then removed.
   */
  claim(leg: Leg, entry: RouteEntry): Claim {
    const name = nameOf(entry.key);
    const inherited = this.#entries.get(name);
    if (inherited === undefined) return { kind: 'none' };
    const route = routeOf(entry.key, entry.value);
    const firstRoute = this.#waiting.get(leg) ?? route;
    const isSame = inherited.route === route && isOpen(leg.flow);
    if (!isSame && isOpen(leg.flow) && firstRoute === route) {
      this.#waiting.set(leg, route);
      return { kind: 'waits' };
    }
    this.#entries.delete(name);
    this.#waiting.delete(leg);
    if (isSame) return { kind: 'same', value: inherited.value };
    this.#bpf.takeOut(inherited.map, inherited.key);
    return { kind: 'none' };
  }

  /** Removes what nobody has claimed. @returns the legs that waited. */
  end(): Leg[] {
    for (const { map, key } of this.#entries.values()) this.#bpf.takeOut(map, key);
    this.#entries.clear();
    const legs = [...this.#waiting.keys()];
    this.#waiting.clear();
    return legs;
  }
}

/** Keys of the two maps differ in length, so names of both never meet. */
function nameOf(key: Uint8Array): string {
  return Buffer.from(key).toString('latin1');
}
