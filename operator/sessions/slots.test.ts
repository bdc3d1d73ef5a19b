import { describe, expect, it } from 'vitest';
import { SLOT_REST_MS, SlotAllocator } from './slots.ts';

function createAllocator(slotsMax = 3): { slots: SlotAllocator; clock: { nowMs: number } } {
  const clock = { nowMs: 0 };
  return { slots: new SlotAllocator({ slotsMax, now: () => clock.nowMs }), clock };
}

describe('SlotAllocator', () => {
  it('shares a slot between hosts but never between sessions of one host', () => {
    const { slots } = createAllocator();
    expect(slots.take('one', 'a')).toBe(0);
    expect(slots.take('two', 'a')).toBe(1);
    expect(slots.take('three', 'b')).toBe(0);
  });

  it('gives the next generation a fresh slot and lets the old one rest', () => {
    const { slots, clock } = createAllocator();
    expect(slots.take('one', 'a')).toBe(0);
    expect(slots.take('one', 'a')).toBe(1);
    expect(slots.take('one', 'a')).toBe(2);
    expect(slots.take('one', 'a')).toBeUndefined();
    clock.nowMs = SLOT_REST_MS;
    expect(slots.take('one', 'a')).toBe(0);
  });

  it('keeps the slot of a session whose next one could not be had', () => {
    const { slots, clock } = createAllocator(1);
    expect(slots.take('one', 'a')).toBe(0);
    expect(slots.take('one', 'a')).toBeUndefined();
    clock.nowMs = SLOT_REST_MS;
    expect(slots.take('two', 'a')).toBeUndefined();
    slots.release('one');
    slots.release('one');
    clock.nowMs += SLOT_REST_MS;
    expect(slots.take('two', 'a')).toBe(0);
  });

  it('leaves a restored session its slot, and gives the next generation a fresh one', () => {
    const { slots, clock } = createAllocator();
    slots.restore('one', { hostName: 'a', slot: 0 });
    expect(slots.take('two', 'a')).toBe(1);
    expect(slots.take('one', 'a')).toBe(2);
    clock.nowMs = SLOT_REST_MS;
    expect(slots.take('three', 'a')).toBe(0);
  });
});
