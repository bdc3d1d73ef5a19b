import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { LeaseState, LeaseStore, NewLease } from '../../core/store/lease.ts';
import { Election, ELECTION_TIMES } from './election.ts';

const { durationMs, renewDeadlineMs, retryMs } = ELECTION_TIMES;

/** A lease as the API server keeps it, which can be away. */
class Leases implements LeaseStore {
  lease: LeaseState | undefined;
  isAway = false;
  /** Writes stand, but their answers are lost. */
  losesAnswers = false;
  readonly history: string[] = [];

  read = async (): Promise<LeaseState | undefined> => {
    this.#reach();
    return Promise.resolve(this.lease);
  };

  write = async (lease: NewLease, base: LeaseState | undefined): Promise<LeaseState | undefined> => {
    this.#reach();
    if (base?.version !== this.lease?.version) return Promise.resolve(undefined);
    this.lease = { ...lease, version: String(Number(this.lease?.version ?? 0) + 1) };
    this.history.push(lease.holder);
    if (this.losesAnswers) throw new Error('ECONNRESET');
    return Promise.resolve(this.lease);
  };

  #reach(): void {
    if (this.isAway) throw new Error('ECONNREFUSED');
  }
}

const all: Election[] = [];
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(async () => {
  await Promise.all(all.splice(0).map((election) => election.stop()));
  vi.useRealTimers();
});

function candidate(leases: LeaseStore, identity: string) {
  const events: string[] = [];
  const election = new Election({
    leases,
    identity,
    onElected: (term) => events.push(`elected ${term}`),
    onLost: () => events.push('lost'),
    log: pino({ level: 'silent' }),
  });
  all.push(election);
  election.start();
  return { election, events };
}

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

describe('Election', () => {
  it('takes over the moment the lease of one that is gone has run out', async () => {
    const leases = new Leases();
    await leases.write({ holder: 'gone', durationMs, transitions: 1 }, undefined);
    const { events } = candidate(leases, 'one');
    await pass(durationMs - 1);
    expect(events).toEqual([]);
    await pass(1);
    expect(events).toEqual(['elected 2']);
  });

  it('lets the first lead, and nobody else while it renews', async () => {
    const leases = new Leases();
    const one = candidate(leases, 'one');
    await pass(0);
    const two = candidate(leases, 'two');
    await pass(10 * durationMs);
    expect(one.events).toEqual(['elected 1']);
    expect(two.events).toEqual([]);
    expect([one.election.isLeading(), two.election.isLeading()]).toEqual([true, false]);
    expect(two.election.leader()).toBe('one');
  });

  it('lets one of two lead that begin together', async () => {
    const leases = new Leases();
    const both = [candidate(leases, 'one'), candidate(leases, 'two')];
    await pass(durationMs);
    expect(both.filter(({ election }) => election.isLeading())).toHaveLength(1);
  });

  it('hands over at once when the leader ends in order', async () => {
    const leases = new Leases();
    const one = candidate(leases, 'one');
    await pass(0);
    const two = candidate(leases, 'two');
    await pass(0);
    await one.election.stop();
    await pass(retryMs);
    expect(two.events).toEqual(['elected 2']);
    expect(one.events).toEqual(['elected 1']);
  });

  it('hands over when the leader is gone without a word, after the lease', async () => {
    const leases = new Leases();
    leases.lease = { holder: 'gone', durationMs, transitions: 4, version: '9' };
    const two = candidate(leases, 'two');
    await pass(durationMs - 1);
    expect(two.events).toEqual([]);
    await pass(retryMs);
    expect(two.events).toEqual(['elected 5']);
  });

  it('stops leading before another can begin, when it cannot renew', async () => {
    const leases = new Leases();
    const one = candidate(leases, 'one');
    await pass(0);
    leases.isAway = true;
    await pass(renewDeadlineMs - 1);
    expect(one.election.isLeading()).toBe(true);
    await pass(1);
    expect(one.election.isLeading()).toBe(false);
    expect(one.events).toEqual(['elected 1', 'lost']);
    leases.isAway = false;
    const two = candidate(leases, 'two');
    await pass(durationMs + retryMs);
    expect(two.events).toEqual(['elected 2']);
    expect(leases.history.lastIndexOf('one')).toBeLessThan(leases.history.indexOf('two'));
  });

  it('rides out an API server that is away for less than its deadline', async () => {
    const leases = new Leases();
    const one = candidate(leases, 'one');
    await pass(0);
    leases.isAway = true;
    await pass(renewDeadlineMs - retryMs);
    leases.isAway = false;
    await pass(durationMs);
    expect(one.events).toEqual(['elected 1']);
    expect(one.election.isLeading()).toBe(true);
  });

  it('goes on when the answer to a renewal was lost', async () => {
    const leases = new Leases();
    const one = candidate(leases, 'one');
    await pass(0);
    leases.losesAnswers = true;
    await pass(retryMs);
    leases.losesAnswers = false;
    await pass(3 * durationMs);
    expect(one.events).toEqual(['elected 1']);
    expect(one.election.isLeading()).toBe(true);
  });

  it('leads no more from the moment it runs again after it was stopped for longer than the lease', async () => {
    const leases = new Leases();
    const one = candidate(leases, 'one');
    await pass(0);
    // A stopped process: the clock goes on, none of its timers runs.
    const stoppedAt = performance.now();
    leases.lease = { holder: 'two', durationMs, transitions: 2, version: '77' };
    vi.setSystemTime(Date.now());
    const now = vi.spyOn(performance, 'now').mockImplementation(() => stoppedAt + 40_000);
    expect(one.election.isLeading()).toBe(false);
    await pass(retryMs);
    now.mockRestore();
    expect(one.events).toEqual(['elected 1', 'lost']);
    expect(leases.lease.holder).toBe('two');
  });

  it('loses the lease that another has taken', async () => {
    const leases = new Leases();
    const one = candidate(leases, 'one');
    await pass(0);
    leases.lease = { holder: 'two', durationMs, transitions: 2, version: '77' };
    await pass(retryMs);
    expect(one.events).toEqual(['elected 1', 'lost']);
    expect(one.election.isLeading()).toBe(false);
  });
});
