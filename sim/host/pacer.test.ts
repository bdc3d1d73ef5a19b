import { describe, expect, it } from 'vitest';
import { createFakeClock } from './fake-clock.ts';
import { Pacer } from './pacer.ts';

function setUp(periodMs: number, burstMax = 3) {
  const clock = createFakeClock();
  const calledAt: number[] = [];
  const pacer = new Pacer({ clock, periodMs, burstMax, onDue: () => calledAt.push(clock.nowMs() - 1000) });
  return { clock, calledAt, pacer };
}

describe('Pacer', () => {
  it('calls at once, then at the rate, without drift', () => {
    const { clock, calledAt, pacer } = setUp(1000 / 60);
    pacer.start();
    expect(calledAt).toEqual([0]);
    clock.advance(60_000 - 1);
    expect(calledAt).toHaveLength(3600);
    for (const [index, at] of calledAt.entries()) expect(at).toBeCloseTo((index * 1000) / 60, 6);
  });

  it('makes up for a short delay and keeps its instants', () => {
    const { clock, calledAt, pacer } = setUp(10);
    pacer.start();
    clock.sleep(25);
    clock.advance(15);
    expect(calledAt).toEqual([0, 25, 25, 30, 40]);
  });

  it('leaves out what a long delay made due, but for a burst', () => {
    const { clock, calledAt, pacer } = setUp(10);
    pacer.start();
    clock.sleep(1005);
    clock.advance(5);
    expect(calledAt).toEqual([0, 1005, 1005, 1005, 1010]);
  });

  it('waits on when its timer fires early', () => {
    const clock = createFakeClock();
    const calledAt: number[] = [];
    const pacer = new Pacer({
      clock: { ...clock, after: (delayMs, callback) => clock.after(Math.max(1, delayMs - 4), callback) },
      periodMs: 10,
      burstMax: 1,
      onDue: () => calledAt.push(clock.nowMs() - 1000),
    });
    pacer.start();
    clock.advance(25);
    expect(calledAt).toEqual([0, 10, 20]);
  });

  it('stops', () => {
    const { clock, calledAt, pacer } = setUp(10);
    pacer.start();
    pacer.stop();
    pacer.stop();
    clock.advance(100);
    expect(calledAt).toEqual([0]);
    expect(clock.pending()).toBe(0);
  });
});
