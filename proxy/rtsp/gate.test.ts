import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { GATE_HOLD_MS, RtspGate } from './gate.ts';

const ADDRESS = '203.0.113.7';

/** Whether a promise is settled, and how. */
function observe(promise: Promise<void>): { state: 'waiting' | 'entered' | 'refused' } {
  const observed: { state: 'waiting' | 'entered' | 'refused' } = { state: 'waiting' };
  promise.then(
    () => (observed.state = 'entered'),
    () => (observed.state = 'refused'),
  );
  return observed;
}

describe('RtspGate', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('lets the first session in and names it', async () => {
    const gate = new RtspGate();
    expect(gate.holderOf(ADDRESS)).toBeUndefined();
    await gate.enter(ADDRESS, 'a');
    expect(gate.holderOf(ADDRESS)).toBe('a');
  });

  it('holds the second until the first leaves', async () => {
    const gate = new RtspGate();
    await gate.enter(ADDRESS, 'a');
    const second = observe(gate.enter(ADDRESS, 'b'));
    await vi.advanceTimersByTimeAsync(100);
    expect(second.state).toBe('waiting');
    gate.leave('a');
    expect(gate.holderOf(ADDRESS)).toBe('b');
    await vi.advanceTimersByTimeAsync(0);
    expect(second.state).toBe('entered');
  });

  it('lets sessions in one by one, in order', async () => {
    const gate = new RtspGate();
    await gate.enter(ADDRESS, 'a');
    const second = observe(gate.enter(ADDRESS, 'b'));
    const third = observe(gate.enter(ADDRESS, 'c'));
    gate.leave('a');
    await vi.advanceTimersByTimeAsync(0);
    expect([second.state, third.state]).toEqual(['entered', 'waiting']);
    gate.leave('b');
    expect(gate.holderOf(ADDRESS)).toBe('c');
    gate.leave('c');
    expect(gate.holderOf(ADDRESS)).toBeUndefined();
  });

  it('does not let one address wait for another', async () => {
    const gate = new RtspGate();
    await gate.enter(ADDRESS, 'a');
    await gate.enter('198.51.100.1', 'b');
    expect(gate.holderOf(ADDRESS)).toBe('a');
    expect(gate.holderOf('198.51.100.1')).toBe('b');
  });

  it('expires a session that never plays, which then matches by address no more', async () => {
    const gate = new RtspGate();
    await gate.enter(ADDRESS, 'a');
    await vi.advanceTimersByTimeAsync(GATE_HOLD_MS - 1);
    expect(gate.holderOf(ADDRESS)).toBe('a');
    const second = observe(gate.enter(ADDRESS, 'b'));
    await vi.advanceTimersByTimeAsync(1);
    expect(second.state).toBe('entered');
    expect(gate.holderOf(ADDRESS)).toBe('b');
    gate.leave('a');
    expect(gate.holderOf(ADDRESS)).toBe('b');
    await vi.advanceTimersByTimeAsync(GATE_HOLD_MS);
    expect(gate.holderOf(ADDRESS)).toBeUndefined();
  });

  it('starts the time anew when the holder enters again', async () => {
    const gate = new RtspGate();
    await gate.enter(ADDRESS, 'a');
    await vi.advanceTimersByTimeAsync(GATE_HOLD_MS - 1);
    await gate.enter(ADDRESS, 'a');
    await vi.advanceTimersByTimeAsync(GATE_HOLD_MS - 1);
    expect(gate.holderOf(ADDRESS)).toBe('a');
    await vi.advanceTimersByTimeAsync(1);
    expect(gate.holderOf(ADDRESS)).toBeUndefined();
  });

  it('forgets a waiter that went away', async () => {
    const gate = new RtspGate();
    await gate.enter(ADDRESS, 'a');
    const abort = new AbortController();
    const second = observe(gate.enter(ADDRESS, 'b', abort.signal));
    const third = observe(gate.enter(ADDRESS, 'c'));
    abort.abort();
    gate.leave('a');
    await vi.advanceTimersByTimeAsync(0);
    expect([second.state, third.state]).toEqual(['refused', 'entered']);
    expect(gate.holderOf(ADDRESS)).toBe('c');
  });

  it('refuses one that had gone before it asked', async () => {
    const gate = new RtspGate();
    const reason = new Error('gone');
    await expect(gate.enter(ADDRESS, 'a', AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(gate.holderOf(ADDRESS)).toBeUndefined();
  });
});
