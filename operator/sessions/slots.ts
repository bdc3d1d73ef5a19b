/**
 * Upstream slots: triples of local ports the relay uses towards hosts. Replies are told apart by (slot, host), so
 * one slot serves any number of hosts but one session of each; every generation gets a fresh slot, and the old one
 * rests, because late datagrams of the old stream look like the new one's.
 */

/** How long a slot is kept from its host after use. */
export const SLOT_REST_MS = 10_000;

export interface SlotAllocatorDeps {
  /** Slots are 0..slotsMax-1. */
  slotsMax: number;
  now: () => number;
}

/** A slot that is taken towards one host. */
export interface SlotUse {
  hostName: string;
  slot: number;
}

export class SlotAllocator {
  readonly #deps: SlotAllocatorDeps;
  /** Slots in use by host. Bounded by slotsMax per host. */
  readonly #used = new Map<string, Set<number>>();
  /** The current use of each session; bounded by the live sessions. */
  readonly #bySession = new Map<string, SlotUse>();
  /** Uses that rest, oldest first; drained as they end. */
  #resting: (SlotUse & { untilMs: number })[] = [];

  constructor(deps: SlotAllocatorDeps) {
    this.#deps = deps;
  }

  /** A fresh slot for the next generation of `sessionId` on `hostName`; its old one rests. `undefined`: none is free. */
  take(sessionId: string, hostName: string): number | undefined {
    this.#wake();
    const used = this.#used.get(hostName) ?? new Set<number>();
    let slot = 0;
    while (used.has(slot)) slot += 1;
    if (slot >= this.#deps.slotsMax) return undefined;
    this.release(sessionId);
    this.#used.set(hostName, used.add(slot));
    this.#bySession.set(sessionId, { hostName, slot });
    return slot;
  }

  /** Gives a session the slot back that it had before a restart. Precondition: before the first `take`. */
  restore(sessionId: string, { hostName, slot }: SlotUse): void {
    const used = this.#used.get(hostName) ?? new Set<number>();
    this.#used.set(hostName, used.add(slot));
    this.#bySession.set(sessionId, { hostName, slot });
  }

  /** Lets the slot of an ended session rest. Idempotent. */
  release(sessionId: string): void {
    const use = this.#bySession.get(sessionId);
    if (use === undefined) return;
    this.#bySession.delete(sessionId);
    this.#resting.push({ ...use, untilMs: this.#deps.now() + SLOT_REST_MS });
  }

  #wake(): void {
    const now = this.#deps.now();
    for (const { hostName, slot, untilMs } of this.#resting) {
      if (untilMs <= now) this.#used.get(hostName)?.delete(slot);
    }
    this.#resting = this.#resting.filter(({ untilMs }) => untilMs > now);
  }
}
