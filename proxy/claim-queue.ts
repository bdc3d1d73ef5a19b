/** Waiting for a claim of the session table: by turns within this process, by the table's word among processes. */
import type { TableClaims } from '../core/session/table.ts';
import { Turns } from './turns.ts';

/** What is wanted, for whom, and for how long at most, ms. */
export interface WantedClaim {
  name: string;
  holder: string;
  ttlMs: number;
}

/** Who came first to this process is first; among processes, whoever asks first when it is free. */
export class ClaimQueue {
  readonly #claims: TableClaims;
  /** By name of the claim. */
  readonly #turns = new Turns();

  constructor(claims: TableClaims) {
    this.#claims = claims;
  }

  /**
   * Waits until nobody else holds the claim, and takes it. Who holds it already holds it anew.
   *
   * @throws the signal's reason when it aborts first; what the table throws.
   */
  async take(wanted: WantedClaim, signal: AbortSignal): Promise<void> {
    const { promise: aborted, reject } = Promise.withResolvers<never>();
    const onAbort = () => {
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', onAbort);
    try {
      signal.throwIfAborted();
      // Whoever gives up does not wait for its turn first.
      await Promise.race([aborted, this.#turns.run(wanted.name, () => this.#acquire(wanted, signal))]);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  async #acquire({ name, holder, ttlMs }: WantedClaim, signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      // Watched before it is asked for, so that no release falls between the two.
      const freed = watchRelease(this.#claims, name, signal);
      try {
        const standing = await this.#claims.take(name, holder, ttlMs);
        if (standing.holder === holder) break;
        await freed.within(standing.remainingMs);
      } finally {
        freed.stop();
      }
    }
    if (!signal.aborted) return;
    await this.#claims.release(name, holder);
    signal.throwIfAborted();
  }
}

/** Resolves when the claim `name` is released, when `signal` aborts, or when the time is over. */
function watchRelease(
  claims: TableClaims,
  name: string,
  signal: AbortSignal,
): { within: (ms: number) => Promise<void>; stop: () => void } {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const wake = () => {
    resolve(undefined);
  };
  const unwatch = claims.watch((released) => {
    if (released === name) wake();
  });
  signal.addEventListener('abort', wake);
  let timer: NodeJS.Timeout | undefined;
  return {
    within: async (ms) => {
      timer = setTimeout(wake, ms);
      await promise;
    },
    stop: () => {
      clearTimeout(timer);
      unwatch();
      signal.removeEventListener('abort', wake);
    },
  };
}
