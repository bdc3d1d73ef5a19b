/** A clock that tests turn by hand. */
import type { SimClock } from './clock.ts';

/** Timers fire within `advance`, in order, each at its own instant; `sleep` moves time without firing any. */
export interface FakeClock extends SimClock {
  advance: (ms: number) => void;
  /** As a busy process does: time passes, timers wait. */
  sleep: (ms: number) => void;
  /** Timers that wait. */
  pending: () => number;
}

/** Starts at 1000 ms, and at 1 s since the epoch. */
export function createFakeClock(): FakeClock {
  let nowMs = 1000;
  let timers: { dueMs: number; callback: () => void }[] = [];
  const runUntil = (endMs: number): void => {
    for (;;) {
      const next = timers.filter(({ dueMs }) => dueMs <= endMs).sort((a, b) => a.dueMs - b.dueMs)[0];
      if (next === undefined) break;
      timers = timers.filter((timer) => timer !== next);
      nowMs = Math.max(nowMs, next.dueMs);
      next.callback();
    }
    nowMs = Math.max(nowMs, endMs);
  };
  return {
    nowMs: () => nowMs,
    epochUs: () => Math.round(nowMs * 1000),
    after: (delayMs, callback) => {
      const timer = { dueMs: nowMs + Math.max(0, delayMs), callback };
      timers.push(timer);
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
    advance: (ms) => {
      runUntil(nowMs + ms);
    },
    sleep: (ms) => {
      nowMs += ms;
    },
    pending: () => timers.length,
  };
}
