/**
 * The gate: at most one session of each source address is between the answer to its /launch (or /resume) and
 * its PLAY, among those that will use plain RTSP. Below 15 Mbit/s such a client's first RTSP requests carry
 * nothing but the source address, so only the holder of the gate matches by address.
 *
 * Addresses are compared as text: callers pass them in canonical form.
 */

/** Longest time between the answer to /launch and PLAY, ms; a client that is later matches by address no more. */
export const GATE_HOLD_MS = 12_000;

interface Waiter {
  sessionId: string;
  /** Takes the gate and lets `enter` resolve. */
  admit: () => void;
}

interface Lane {
  holder: string;
  expiry: NodeJS.Timeout;
  /** First come, first served; each belongs to one open HTTP request, which bounds them. */
  waiters: Waiter[];
}

/** One gate for each source address. */
export class RtspGate {
  /** By address; a lane lives only while it has a holder, a session, for GATE_HOLD_MS: at most one for each session. */
  readonly #lanes = new Map<string, Lane>();
  readonly #holdMs: number;

  /** @param holdMs how long a session may keep the gate without PLAY. */
  constructor(holdMs: number = GATE_HOLD_MS) {
    this.#holdMs = holdMs;
  }

  /**
   * Waits until no other session of `address` holds the gate, and takes it. Call it when the host is ready, just
   * before answering. A session that holds it already holds it anew.
   *
   * @throws the signal's reason when it aborts first (the client went away).
   */
  enter(address: string, sessionId: string, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) return Promise.reject(signal.reason as Error);
    const lane = this.#lanes.get(address);
    if (lane === undefined || lane.holder === sessionId) {
      this.#take(address, sessionId);
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        const index = lane.waiters.indexOf(waiter);
        if (index >= 0) lane.waiters.splice(index, 1);
        reject(signal?.reason as Error);
      };
      const waiter: Waiter = {
        sessionId,
        admit: () => {
          signal?.removeEventListener('abort', onAbort);
          this.#take(address, sessionId);
          resolve();
        },
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      lane.waiters.push(waiter);
    });
  }

  /** Frees whatever `sessionId` holds: after PLAY, or because it ended. Idempotent. */
  leave(sessionId: string): void {
    for (const [address, lane] of [...this.#lanes]) {
      if (lane.holder === sessionId) this.#release(address, lane);
    }
  }

  /** The session that matches by source address now. */
  holderOf(address: string): string | undefined {
    return this.#lanes.get(address)?.holder;
  }

  #take(address: string, sessionId: string): void {
    const standing = this.#lanes.get(address);
    clearTimeout(standing?.expiry);
    const lane: Lane = {
      holder: sessionId,
      waiters: standing?.waiters ?? [],
      expiry: setTimeout(() => {
        this.#release(address, lane);
      }, this.#holdMs),
    };
    lane.expiry.unref();
    this.#lanes.set(address, lane);
  }

  #release(address: string, lane: Lane): void {
    clearTimeout(lane.expiry);
    const next = lane.waiters.shift();
    if (next === undefined) this.#lanes.delete(address);
    else next.admit();
  }
}
