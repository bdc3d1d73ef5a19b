import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { ReconcileQueue } from './queue.ts';
import type { ReconcileResult } from './types.ts';

const log = pino({ level: 'silent' });

function createQueue(
  reconcile: (key: string) => Promise<ReconcileResult>,
  concurrencyMax = 8,
): ReconcileQueue {
  return new ReconcileQueue({ reconciler: { reconcile }, log, concurrencyMax });
}

describe('ReconcileQueue', () => {
  it('works on a key once at a time and once more when it was added meanwhile', async () => {
    const gates: (() => void)[] = [];
    let running = 0;
    let runningMost = 0;
    const queue = createQueue(async () => {
      running += 1;
      runningMost = Math.max(runningMost, running);
      await new Promise<void>((resolve) => gates.push(resolve));
      running -= 1;
      return {};
    });
    queue.add('a');
    queue.add('a');
    queue.add('a');
    await expect.poll(() => gates.length).toBe(1);
    gates[0]?.();
    await expect.poll(() => gates.length).toBe(2);
    gates[1]?.();
    await queue.stop();
    expect(runningMost).toBe(1);
    expect(gates).toHaveLength(2);
  });

  it('works on different keys side by side, up to its limit', async () => {
    const open: (() => void)[] = [];
    const queue = createQueue(
      () =>
        new Promise((resolve) =>
          open.push(() => {
            resolve({});
          }),
        ),
      2,
    );
    for (const key of ['a', 'b', 'c']) queue.add(key);
    expect(open).toHaveLength(2);
    open[0]?.();
    await expect.poll(() => open.length).toBe(3);
    for (const resolve of open) resolve();
    await queue.stop();
  });

  it('looks again after the time asked for, and after a failure', async () => {
    const seen: string[] = [];
    const queue = createQueue((key) => {
      seen.push(key);
      if (key === 'bad' && seen.filter((each) => each === key).length === 1)
        return Promise.reject(new Error('once'));
      return Promise.resolve(key === 'again' && seen.length < 4 ? { requeueAfterMs: 1 } : {});
    });
    queue.add('bad');
    queue.add('again');
    await expect.poll(() => seen.filter((key) => key === 'bad').length).toBe(2);
    expect(seen.filter((key) => key === 'again').length).toBeGreaterThan(1);
    await queue.stop();
  });

  it('takes nothing after stop', async () => {
    const seen: string[] = [];
    const queue = createQueue((key) => {
      seen.push(key);
      return Promise.resolve({});
    });
    await queue.stop();
    queue.add('late');
    expect(seen).toEqual([]);
  });
});
