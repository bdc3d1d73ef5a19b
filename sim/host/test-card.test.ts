import { describe, expect, it } from 'vitest';
import type { AccessUnit } from '../media/annexb.ts';
import { TestCard } from './test-card.ts';

/** Ten pictures with an IDR every 5; the first byte of a picture says which. */
function loop(mark: number): AccessUnit[] {
  return Array.from({ length: 10 }, (_, index) => ({
    isIdr: index % 5 === 0,
    parameters: new Uint8Array(),
    slices: Uint8Array.of(mark + index),
  }));
}
const clips = { a: loop(0), b: loop(100) };
const show = (card: TestCard, count: number) => Array.from({ length: count }, () => card.next().slices[0]);

describe('TestCard', () => {
  it('loops', () => {
    expect(show(new TestCard(clips), 12)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]);
  });

  it('goes on to the next IDR when asked for one, round the end', () => {
    const card = new TestCard(clips);
    show(card, 2);
    card.requestIdr();
    expect(show(card, 2)).toEqual([5, 6]);
    card.requestIdr();
    expect(show(card, 2)).toEqual([0, 1]);
  });

  it('switches the variant at an IDR', () => {
    const card = new TestCard(clips);
    show(card, 1);
    card.toggle();
    expect([card.variant, ...show(card, 2)]).toEqual(['b', 105, 106]);
    card.toggle();
    expect([card.variant, ...show(card, 1)]).toEqual(['a', 0]);
  });

  it('goes on in another size where it was, at an IDR', () => {
    const card = new TestCard(clips);
    show(card, 4);
    card.useClips({ a: loop(50), b: loop(150) });
    expect(show(card, 1)).toEqual([55]);
    expect(card.position).toBe(6);
  });
});
