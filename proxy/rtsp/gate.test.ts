import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createMemoryTable } from '../../core/session/memory.ts';
import { GATE_HOLD_MS, RtspGate, type GateTicket } from './gate.ts';

const ADDRESS = '203.0.113.7';
const LOG = pino({ level: 'silent' });

const ticket = (id: string, changes: Partial<GateTicket> = {}): GateTicket => ({
  id,
  generation: 1,
  address: ADDRESS,
  ...changes,
});

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
  /** Of two proxies on one table. */
  let gate: RtspGate;
  let elsewhere: RtspGate;
  beforeEach(() => {
    vi.useFakeTimers();
    const { claims } = createMemoryTable();
    gate = new RtspGate({ claims, log: LOG });
    elsewhere = new RtspGate({ claims, log: LOG });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  const holder = async () => (await gate.holderOf(ADDRESS))?.id;
  const settle = () => vi.advanceTimersByTimeAsync(0);

  it('lets the first session in and names it', async () => {
    expect(await gate.holderOf(ADDRESS)).toBeUndefined();
    await gate.enter(ticket('a', { generation: 3 }));
    expect(await gate.holderOf(ADDRESS)).toEqual({ id: 'a', generation: 3 });
    expect(await elsewhere.holderOf(ADDRESS)).toEqual({ id: 'a', generation: 3 });
  });

  it.each(['the same proxy', 'another proxy'])(
    'holds the second at %s until the first leaves',
    async (which) => {
      await gate.enter(ticket('a'));
      const second = observe((which === 'the same proxy' ? gate : elsewhere).enter(ticket('b')));
      await vi.advanceTimersByTimeAsync(100);
      expect(second.state).toBe('waiting');
      gate.leave(ticket('a'));
      await settle();
      expect(second.state).toBe('entered');
      expect(await holder()).toBe('b');
    },
  );

  it('lets sessions in one by one, in order', async () => {
    await gate.enter(ticket('a'));
    const second = observe(gate.enter(ticket('b')));
    const third = observe(gate.enter(ticket('c')));
    gate.leave(ticket('a'));
    await settle();
    expect([second.state, third.state]).toEqual(['entered', 'waiting']);
    gate.leave(ticket('b'));
    await settle();
    expect(await holder()).toBe('c');
    gate.leave(ticket('c'));
    expect(await holder()).toBeUndefined();
  });

  it('does not let one address wait for another', async () => {
    await gate.enter(ticket('a'));
    await gate.enter(ticket('b', { address: '198.51.100.1' }));
    expect(await holder()).toBe('a');
    expect(await gate.holderOf('198.51.100.1')).toEqual({ id: 'b', generation: 1 });
  });

  it('expires a session that never plays, which then matches by address no more', async () => {
    await gate.enter(ticket('a'));
    await vi.advanceTimersByTimeAsync(GATE_HOLD_MS - 1);
    expect(await holder()).toBe('a');
    const second = observe(gate.enter(ticket('b')));
    await vi.advanceTimersByTimeAsync(1);
    expect(second.state).toBe('entered');
    gate.leave(ticket('a'));
    expect(await holder()).toBe('b');
    await vi.advanceTimersByTimeAsync(GATE_HOLD_MS);
    expect(await holder()).toBeUndefined();
  });

  it('starts the time anew when the holder enters again', async () => {
    await gate.enter(ticket('a'));
    await vi.advanceTimersByTimeAsync(GATE_HOLD_MS - 1);
    await gate.enter(ticket('a'));
    await vi.advanceTimersByTimeAsync(GATE_HOLD_MS - 1);
    expect(await holder()).toBe('a');
    await vi.advanceTimersByTimeAsync(1);
    expect(await holder()).toBeUndefined();
  });

  it('is not freed by an older generation of its holder', async () => {
    await gate.enter(ticket('a', { generation: 2 }));
    elsewhere.leave(ticket('a', { generation: 1 }));
    expect(await gate.holderOf(ADDRESS)).toEqual({ id: 'a', generation: 2 });
  });

  it('forgets a waiter that went away, at once', async () => {
    await gate.enter(ticket('a'));
    const [first, second] = [new AbortController(), new AbortController()];
    const waiters = [
      observe(gate.enter(ticket('b'), first.signal)),
      observe(gate.enter(ticket('c'), second.signal)),
      observe(gate.enter(ticket('d'))),
    ];
    const states = () => waiters.map(({ state }) => state);
    second.abort();
    await settle();
    expect(states()).toEqual(['waiting', 'refused', 'waiting']);
    first.abort();
    gate.leave(ticket('a'));
    await settle();
    expect(states()).toEqual(['refused', 'refused', 'entered']);
    expect(await holder()).toBe('d');
  });

  it('refuses one that had gone before it asked', async () => {
    const reason = new Error('gone');
    await expect(gate.enter(ticket('a'), AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(await holder()).toBeUndefined();
  });

  it('is not kept by one that goes away while it is asked for', async () => {
    const abort = new AbortController();
    const entering = gate.enter(ticket('a'), abort.signal);
    abort.abort(new Error('gone'));
    await expect(entering).rejects.toThrow('gone');
    await settle();
    expect(await holder()).toBeUndefined();
  });
});
