/** Calls at a fixed rate without drift: instants are computed from the start, never from the call before. */
import type { SimClock } from './clock.ts';

/** So much too early is in time: sums of fractions are not exact. */
const TOLERANCE_MS = 0.001;

/** What a pacer does. */
export interface PacerOptions {
  clock: SimClock;
  /** Between two calls; need not be whole. */
  periodMs: number;
  /** After a delay at most so many calls are made at once; what was due before is left out. */
  burstMax: number;
  onDue: () => void;
}

/** Runs from `start` to `stop`; the first call is made within `start`. */
export class Pacer {
  readonly #options: PacerOptions;
  /** When the next call is due, on the clock. */
  #dueMs = 0;
  #cancel: (() => void) | undefined;

  constructor(options: PacerOptions) {
    this.#options = options;
  }

  start(): void {
    this.#dueMs = this.#options.clock.nowMs();
    this.#tick();
  }

  /** Idempotent. */
  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #tick(): void {
    const { clock, periodMs, burstMax, onDue } = this.#options;
    const lateMs = clock.nowMs() - this.#dueMs;
    const due = Math.max(0, Math.floor((lateMs + TOLERANCE_MS) / periodMs) + 1);
    this.#dueMs += due * periodMs;
    this.#cancel = clock.after(this.#dueMs - clock.nowMs(), () => {
      this.#tick();
    });
    for (let call = 0; call < Math.min(due, burstMax); call++) onDue();
  }
}
