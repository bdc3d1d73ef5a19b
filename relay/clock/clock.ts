/**
 * Time in the relay. One timer ticks; everything with a deadline is looked at then, and the data path reads a
 * coarse clock that the tick advances.
 */

/** How often the relay looks at its deadlines while some are near; see ticking.ts. */
export const TICK_MS = 20;

/** The most that one tick counts for: while the process or the machine stood still, no peer was silent. */
const STEP_MS_MAX = 500;

/** Where time comes from; tests pass their own. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now: () => number;
  /** ms, with fractions, of a clock that never goes back; only differences mean anything. */
  preciseMs: () => number;
  /** Calls `tick` every `intervalMs`. @returns how to stop. */
  every: (intervalMs: number, tick: () => void) => () => void;
}

/** The machine's own clock and timers. */
export const systemClock: Clock = {
  now: () => Date.now(),
  preciseMs: () => performance.now(),
  every: (intervalMs, tick) => {
    const timer = setInterval(tick, intervalMs);
    return () => {
      clearInterval(timer);
    };
  },
};

/** Time at which something never happened yet. */
export const NEVER = -1;

/** Milliseconds of the relay's own life, from 0, advanced by the tick: cheap to read, never back, never in leaps. */
export class CoarseClock {
  nowMs = 0;
  readonly #clock: Clock;
  #wallMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#wallMs = clock.now();
  }

  /** Reads the real clock; a leap of it (a clock set, a machine asleep) counts as `STEP_MS_MAX` at most. */
  advance(): void {
    const wallMs = this.#clock.now();
    this.nowMs += Math.min(Math.max(wallMs - this.#wallMs, 0), STEP_MS_MAX);
    this.#wallMs = wallMs;
  }

  /** See `Clock.preciseMs`: for what a tick is too coarse for. Costs far more than reading `nowMs`. */
  preciseMs(): number {
    return this.#clock.preciseMs();
  }

  /** Milliseconds since the epoch of a moment of this clock; 0 for `NEVER`. */
  toEpochMs(momentMs: number): number {
    return momentMs === NEVER ? 0 : this.#wallMs - (this.nowMs - momentMs);
  }
}
