import { describe, expect, it } from 'vitest';
import { CoarseClock, NEVER } from './clock.ts';

describe('CoarseClock', () => {
  it('follows the real clock, but neither back nor in leaps', () => {
    let wallMs = 1_000_000;
    const clock = new CoarseClock({
      now: () => wallMs,
      preciseMs: () => wallMs,
      every: () => () => undefined,
    });
    const steps = [20, 480, 3_600_000, -50_000, 20].map((stepMs) => {
      wallMs += stepMs;
      clock.advance();
      return clock.nowMs;
    });
    expect(steps).toEqual([20, 500, 1_000, 1_000, 1_020]);
    expect(clock.toEpochMs(1_000)).toBe(wallMs - 20);
    expect(clock.toEpochMs(NEVER)).toBe(0);
  });
});
