/**
 * One pairing at a time per host: of four at once from one address Wolf lets one succeed and never answers the
 * others (EVIDENCE.md 1).
 */
import { GleipnirError } from '../runtime/errors.ts';

/** Shared by all drivers of a process. */
export class PairingQueue {
  /** The last task of each host. At most one entry per host, gone when its last task ends. */
  readonly #tails = new Map<string, Promise<void>>();

  /**
   * Runs `task` after all earlier ones of that host have ended, well or badly.
   *
   * @throws GleipnirError HOST_UNREACHABLE at once when `signal` aborts while waiting; and what `task` throws.
   */
  async run<T>(hostName: string, signal: AbortSignal, task: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(hostName) ?? Promise.resolve();
    const { promise: ended, resolve: end } = Promise.withResolvers<undefined>();
    const tail = before.then(() => ended);
    this.#tails.set(hostName, tail);
    try {
      await waitFor(before, hostName, signal);
      return await task();
    } finally {
      end(undefined);
      void tail.then(() => {
        if (this.#tails.get(hostName) === tail) this.#tails.delete(hostName);
      });
    }
  }
}

function waitFor(turn: Promise<void>, hostName: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      const details = { host: hostName, path: '/pair', reason: 'aborted' };
      reject(
        new GleipnirError('HOST_UNREACHABLE', 'Pairing was given up while waiting for its turn', details),
      );
    };
    if (signal.aborted) {
      abort();
      return;
    }
    signal.addEventListener('abort', abort, { once: true });
    void turn.then(() => {
      signal.removeEventListener('abort', abort);
      resolve();
    });
  });
}
