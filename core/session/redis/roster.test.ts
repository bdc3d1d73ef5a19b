import { beforeEach, describe, expect, it } from 'vitest';
import { Roster, type FoundRow } from './roster.ts';

const TTL_MS = 1_000;
const LOST_MS_MAX = 100;

let nowMs: number;
let roster: Roster;
beforeEach(() => {
  nowMs = 0;
  roster = new Roster({
    kinds: ['session', 'flow'],
    ttlMs: TTL_MS,
    lostMsMax: LOST_MS_MAX,
    expiryMarginMs: 50,
    now: () => nowMs,
  });
});

const put = (version: string, putAt = 0): void => {
  roster.onPut({ kind: 'session', id: 's1', version }, putAt);
};
const compare = (rows: Record<string, FoundRow>, isMissingOver = false): string[] =>
  roster.compare('session', new Map(Object.entries(rows)), isMissingOver);

describe('Roster', () => {
  it('finds rows that are new or changed, once', () => {
    put('1-0');
    const found = { s1: { version: '2-0', expiresAt: TTL_MS }, s2: { version: '1-1', expiresAt: TTL_MS } };
    expect(compare(found)).toEqual(['s1', 's2']);
    expect(compare(found)).toEqual([]);
  });

  it('takes what is missing for lost, and for over when nobody has put it back in time', () => {
    put('1-0');
    expect(compare({})).toEqual([]);
    expect(roster.has('session', 's1')).toBe(true);
    expect(roster.hasLost('session')).toBe(true);
    nowMs = LOST_MS_MAX;
    expect(compare({})).toEqual([]);
    nowMs += 1;
    expect(compare({})).toEqual(['s1']);
    expect(roster.has('session', 's1')).toBe(false);
  });

  it('forgets that a row was lost once it is put back', () => {
    put('1-0');
    compare({});
    put('1-0');
    nowMs = LOST_MS_MAX + 1;
    expect(compare({})).toEqual([]);
  });

  it('takes what is missing for over where its removal may have been missed, unless it was lost before', () => {
    put('1-0');
    roster.onPut({ kind: 'session', id: 'lost', version: '1-1' }, 0);
    compare({ s1: { version: '1-0', expiresAt: TTL_MS } });
    expect(compare({}, true)).toEqual(['s1']);
    expect(roster.has('session', 'lost')).toBe(true);
  });

  it('takes an older version for a lost one, until it is too late for a newer', () => {
    put('5-0');
    const older = { s1: { version: '3-0', expiresAt: TTL_MS } };
    expect(compare(older)).toEqual([]);
    expect(roster.isOutdated({ kind: 'session', id: 's1', version: '3-0' })).toBe(true);
    nowMs = LOST_MS_MAX + 1;
    expect(compare(older)).toEqual(['s1']);
    expect(roster.isOutdated({ kind: 'session', id: 's1', version: '3-0' })).toBe(false);
  });

  it('takes for over at once what nobody had kept alive', () => {
    put('1-0', 0);
    roster.onCompared(TTL_MS - 49);
    expect(compare({})).toEqual(['s1']);
  });

  it('takes for lost what would have run out while Redis was away', () => {
    put('1-0', 0);
    roster.onCompared(10);
    nowMs = 3_600_000;
    expect(compare({})).toEqual([]);
    expect(roster.has('session', 's1')).toBe(true);
  });

  it('names rows that nobody keeps alive', () => {
    put('1-0', 0);
    roster.onPut({ kind: 'session', id: 's2', version: '1-1' }, 500);
    roster.onCompared(501);
    expect([...roster.idle('session', 500)]).toEqual(['s1']);
  });

  it('knows nothing of kinds that it does not follow', () => {
    roster.onPut({ kind: 'launch', id: 's1', version: '1-0' }, 0);
    expect(roster.has('launch', 's1')).toBe(false);
    expect(roster.follows('launch')).toBe(false);
  });
});
