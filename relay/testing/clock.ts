/** A clock that stands still until a test moves it. */
import type { Clock } from '../clock/clock.ts';

interface Timer {
  intervalMs: number;
  dueMs: number;
  tick: () => void;
}

export class FakeClock implements Clock {
  #nowMs = 1_700_000_000_000;
  readonly #timers = new Set<Timer>();

  readonly now = (): number => this.#nowMs;
  readonly preciseMs = this.now;

  readonly every = (intervalMs: number, tick: () => void): (() => void) => {
    const timer = { intervalMs, dueMs: this.#nowMs + intervalMs, tick };
    this.#timers.add(timer);
    return () => {
      this.#timers.delete(timer);
    };
  };

  /** Lets `ms` pass, with every tick that falls due. */
  advance(ms: number): void {
    const endMs = this.#nowMs + ms;
    for (;;) {
      const next = [...this.#timers].sort((a, b) => a.dueMs - b.dueMs)[0];
      if (next === undefined || next.dueMs > endMs) break;
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      next.dueMs += next.intervalMs;
      next.tick();
    }
    this.#nowMs = endMs;
  }

  /** The clock is set forward: time passes for nobody but whoever reads it next. */
  leap(ms: number): void {
    this.#nowMs += ms;
  }
}
