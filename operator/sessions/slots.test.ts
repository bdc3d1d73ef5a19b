import { describe, expect, it } from 'vitest';
import { sessionRow } from '../../core/session/contract.ts';
import { createMemoryClaims } from '../../core/session/memory-claims.ts';
import type { SessionRecord } from '../../core/session/record.ts';
import { SLOT_REST_MS, Slots } from './slots.ts';

/** A leader, and how another one takes its place. */
function setUp(slotsMax = 3): { slots: Slots; next: () => Slots; clock: { nowMs: number } } {
  const clock = { nowMs: 0 };
  const claims = createMemoryClaims({ onListenerError: () => undefined, now: () => clock.nowMs });
  const next = () => new Slots({ claims, slotsMax });
  return { slots: next(), next, clock };
}

function rowOf(id: string, slot: number, hostName?: string): SessionRecord {
  const row = sessionRow({ id, upstream: { address: '0.0.0.0', slot } });
  if (hostName === undefined) return row;
  return {
    ...row,
    host: { name: hostName, rtsp: { address: '192.0.2.7', port: 1, label: 'l', encrypted: false } },
  };
}

describe('Slots', () => {
  it('shares a slot between hosts but never between sessions of one host', async () => {
    const { slots } = setUp();
    const rows = [rowOf('one', 0, 'a')];
    expect(await slots.pick(rows, 'a')).toBe(1);
    expect(await slots.pick(rows, 'b')).toBe(0);
  });

  it('knows the place of a session whose game has not begun', async () => {
    const { slots } = setUp();
    const row = { ...rowOf('one', 0), place: { host: 'a', user: 'u', appId: 1 } };
    expect([await slots.pick([row], 'a'), await slots.pick([row], 'b')]).toEqual([1, 0]);
  });

  it('gives the next generation a fresh slot and lets the old one rest, whoever leads then', async () => {
    const { slots, next, clock } = setUp();
    await slots.rest(rowOf('one', 0, 'a'));
    clock.nowMs += SLOT_REST_MS - 1;
    expect(await slots.pick([], 'a')).toBe(1);
    expect(await next().pick([rowOf('one', 1, 'a')], 'a')).toBe(2);
    expect(await next().pick([], 'b')).toBe(0);
    clock.nowMs += 1;
    expect(await next().pick([rowOf('one', 1, 'a')], 'a')).toBe(0);
  });

  it('rests from the last time that it was let rest', async () => {
    const { slots, clock } = setUp();
    const row = rowOf('one', 0, 'a');
    await slots.rest(row);
    clock.nowMs += SLOT_REST_MS - 1;
    await slots.rest(row);
    clock.nowMs += SLOT_REST_MS - 1;
    expect(await slots.pick([], 'a')).toBe(1);
  });

  it('says when none is free', async () => {
    const { slots } = setUp(1);
    expect(await slots.pick([rowOf('one', 0, 'a')], 'a')).toBeUndefined();
  });
});
