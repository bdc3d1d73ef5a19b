import { describe, expect, it } from 'vitest';
import { inTurn } from './turns.ts';

describe('inTurn', () => {
  it('measures every item in every round, every second round backwards', async () => {
    const order: string[] = [];
    const measure = (item: string): Promise<number> => Promise.resolve(order.push(item));
    const first = await inTurn(['direct', 'userspace', 'kernel'], 1, measure);
    const second = await inTurn(['direct', 'userspace', 'kernel'], 2, measure);
    expect(order.join(' ')).toBe('direct userspace kernel kernel userspace direct');
    expect([first, second]).toEqual([
      [1, 2, 3],
      [6, 5, 4],
    ]);
  });
});
