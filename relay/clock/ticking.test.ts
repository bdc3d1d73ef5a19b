import { describe, expect, it } from 'vitest';
import { FakeClock } from '../testing/clock.ts';
import { startTicking } from './ticking.ts';

/** When each tick came, ms, in `ms` from now. */
function ticksWithin(clock: FakeClock, ticks: number[], ms: number): number[] {
  ticks.length = 0;
  const startMs = clock.now();
  clock.advance(ms);
  return ticks.map((at) => at - startMs);
}

function open(isRestless: () => boolean): {
  clock: FakeClock;
  ticks: number[];
  ticking: ReturnType<typeof startTicking>;
} {
  const clock = new FakeClock();
  const ticks: number[] = [];
  const ticking = startTicking(clock, () => {
    ticks.push(clock.now());
    return isRestless();
  });
  return { clock, ticks, ticking };
}

describe('startTicking', () => {
  it('ticks often at first, then seldom while nothing is restless', () => {
    const { clock, ticks } = open(() => false);
    expect(ticksWithin(clock, ticks, 100)).toEqual([20, 40, 60, 80, 100]);
    clock.advance(2_000);
    expect(ticksWithin(clock, ticks, 1_000)).toHaveLength(10);
  });

  it('ticks often as long as something is restless, and again from the tick that finds it so', () => {
    let isRestless = true;
    const { clock, ticks } = open(() => isRestless);
    clock.advance(10_000);
    expect(ticksWithin(clock, ticks, 100)).toHaveLength(5);
    isRestless = false;
    clock.advance(200);
    expect(ticksWithin(clock, ticks, 1_000)).toHaveLength(10);
    isRestless = true;
    clock.advance(100);
    expect(ticksWithin(clock, ticks, 100)).toHaveLength(5);
  });

  it('ticks often for 2 s when told to hurry, from that moment on', () => {
    const { clock, ticks, ticking } = open(() => false);
    clock.advance(3_000);
    ticking.hurry();
    expect(ticksWithin(clock, ticks, 20)).toEqual([20]);
    expect(ticksWithin(clock, ticks, 1_960)).toHaveLength(98);
    clock.advance(200);
    expect(ticksWithin(clock, ticks, 1_000)).toHaveLength(10);
  });

  it('stops', () => {
    const { clock, ticks, ticking } = open(() => true);
    clock.advance(3_000);
    ticking.stop();
    expect(ticksWithin(clock, ticks, 1_000)).toEqual([]);
  });
});
