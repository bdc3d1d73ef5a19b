import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SourceBuckets, SourceLimiter, sourceOf, TokenBucket } from './token-bucket.ts';

describe('sourceOf', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:c000:0201', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::6', '2001:db8:1:2::/64'],
    ['2001:DB8::1', '2001:db8:0:0::/64'],
    ['2001:db8::', '2001:db8:0:0::/64'],
    ['2001::5:6:7', '2001:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    ['1::4:5:6:7:8', '1:0:0:4::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['', ''],
    ['wolf', 'wolf'],
  ])('groups %s as %s', (address, source) => {
    expect(sourceOf(address)).toBe(source);
  });

  it('groups IPv6 addresses exactly when their first 64 bits are the same', () => {
    const half = fc.tuple(
      ...Array.from({ length: 4 }, () => fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff }))),
    );
    const text = (groups: number[]): string => groups.map((group) => group.toString(16)).join(':');
    fc.assert(
      fc.property(half, half, half, half, (one, other, low, high) => {
        // 0:0:0:0 holds the IPv4 addresses, too.
        fc.pre(one.some((group) => group !== 0) && other.some((group) => group !== 0));
        expect(sourceOf(text([...one, ...low]))).toBe(sourceOf(text([...one, ...high])));
        const isSame = text(one) === text(other);
        expect(sourceOf(text([...one, ...low])) === sourceOf(text([...other, ...low]))).toBe(isSame);
      }),
    );
  });

  it('never throws on any text', () => {
    fc.assert(fc.property(fc.string(), (text) => typeof sourceOf(text) === 'string'));
    fc.assert(fc.property(fc.ipV6(), (text) => typeof sourceOf(text) === 'string'));
  });
});

describe('TokenBucket', () => {
  it('gives a burst, then so many per second, and never more than the burst', () => {
    const bucket = new TokenBucket({ burst: 3, perSecond: 2 });
    const taken = (nowMs: number): number => {
      let count = 0;
      while (bucket.take(nowMs)) count += 1;
      return count;
    };
    expect(taken(0)).toBe(3);
    expect(taken(400)).toBe(0);
    expect(taken(500)).toBe(1);
    expect(taken(1_000_000)).toBe(3);
  });

  it('gives nothing for a clock that was set back, and goes on from there', () => {
    const bucket = new TokenBucket({ burst: 1, perSecond: 1 });
    expect([bucket.take(60_000), bucket.take(0), bucket.take(999), bucket.take(1_000)]).toEqual([
      true,
      false,
      false,
      true,
    ]);
  });

  it('never gives more than burst and rate allow, however it is asked', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 0, max: 100 }),
        fc.array(fc.integer({ min: 0, max: 5_000 }), { maxLength: 200 }),
        (burst, perSecond, pauses) => {
          const bucket = new TokenBucket({ burst, perSecond });
          let nowMs = 0;
          let taken = 0;
          for (const pauseMs of pauses) {
            nowMs += pauseMs;
            if (bucket.take(nowMs)) taken += 1;
          }
          expect(taken).toBeLessThanOrEqual(burst + (nowMs * perSecond) / 1000 + 1e-6);
        },
      ),
    );
  });
});

describe('SourceBuckets', () => {
  it('limits each source by itself, an IPv6 network as one', () => {
    const buckets = new SourceBuckets({ burst: 2, perSecond: 1 });
    expect([buckets.take('192.0.2.1', 0), buckets.take('::ffff:192.0.2.1', 0)]).toEqual([true, true]);
    expect(buckets.take('192.0.2.1', 0)).toBe(false);
    expect(buckets.has('192.0.2.1', 999)).toBe(false);
    expect(buckets.has('192.0.2.1', 1_000)).toBe(true);
    expect([buckets.take('2001:db8::1', 0), buckets.take('2001:db8::2', 0)]).toEqual([true, true]);
    expect([buckets.take('2001:db8::3', 0), buckets.take('2001:db8:0:1::3', 0)]).toEqual([false, true]);
  });

  it('looks without taking', () => {
    const buckets = new SourceBuckets({ burst: 1, perSecond: 0 });
    for (let count = 0; count < 5; count += 1) expect(buckets.has('192.0.2.1', 0)).toBe(true);
    expect(buckets.size).toBe(0);
  });

  it('holds so many sources and no more, and forgets who was away longest', () => {
    const buckets = new SourceBuckets({ burst: 1, perSecond: 0 }, 100);
    for (let host = 0; host < 100; host += 1) buckets.take(`198.51.100.${host}`, 0);
    expect(buckets.take('198.51.100.0', 0), 'still known, so used').toBe(false);
    for (let host = 0; host < 50; host += 1) buckets.take(`203.0.113.${host}`, 0);
    expect(buckets.size).toBe(100);
    expect(buckets.has('198.51.100.0', 0), 'was here lately').toBe(false);
    expect(buckets.has('198.51.100.1', 0), 'was forgotten').toBe(true);
    expect(buckets.has('203.0.113.49', 0)).toBe(false);
  });

  it('stays within its bound whatever comes', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.ipV4(), fc.ipV6(), fc.string())), (addresses) => {
        const buckets = new SourceBuckets({ burst: 1, perSecond: 1 }, 5);
        for (const address of addresses) buckets.take(address, 0);
        expect(buckets.size).toBeLessThanOrEqual(5);
      }),
    );
  });
});

describe('SourceLimiter', () => {
  const rates = {
    perSource: { burst: 4, perSecond: 1 },
    all: { burst: 6, perSecond: 1 },
    reserve: { burst: 2, perSecond: 1 },
  };
  const stranger = (): boolean => false;
  const known = (): boolean => true;

  it('does not let what one source is refused cost the others', () => {
    const limiter = new SourceLimiter(rates);
    const taken = (address: string): number =>
      Array.from({ length: 100 }, () => limiter.take(address, 0, stranger)).filter(Boolean).length;
    expect(taken('192.0.2.1')).toBe(4);
    expect(taken('192.0.2.2')).toBe(2);
    expect(taken('192.0.2.3')).toBe(0);
  });

  it('keeps a reserve for known sources, which are bounded too', () => {
    const limiter = new SourceLimiter(rates);
    for (let host = 0; host < 100; host += 1) limiter.take(`198.51.100.${host}`, 0, stranger);
    expect(limiter.take('192.0.2.1', 0, stranger)).toBe(false);
    const served = Array.from({ length: 10 }, () => limiter.take('192.0.2.2', 0, known)).filter(Boolean);
    expect(served).toHaveLength(2);
  });

  it('asks who is known only when it matters', () => {
    const limiter = new SourceLimiter(rates);
    const never = (): boolean => {
      throw new Error('asked');
    };
    expect(limiter.take('192.0.2.1', 0, never)).toBe(true);
  });
});
