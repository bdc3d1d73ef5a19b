/** Time, as the simulated host sees it; tests pass their own. */

/** The one source of time and timers of a host. */
export interface SimClock {
  /** ms, monotonic, any zero; fractions count. */
  nowMs: () => number;
  /** µs since the epoch, for measurements between processes of one machine. */
  epochUs: () => number;
  /** Calls `callback` once, about `delayMs` from now. @returns how to take it back. */
  after: (delayMs: number, callback: () => void) => () => void;
}

/** The machine's clock. */
export function createSystemClock(): SimClock {
  return {
    nowMs: () => performance.now(),
    epochUs: () => Math.round((performance.timeOrigin + performance.now()) * 1000),
    after: (delayMs, callback) => {
      const timer = setTimeout(callback, Math.max(0, delayMs));
      return () => {
        clearTimeout(timer);
      };
    },
  };
}
