import { describe, expect, it } from 'vitest';
import { ConnectionCount } from './connection-count.ts';

const stranger = (): boolean => false;
const known = (): boolean => true;

describe('ConnectionCount', () => {
  it('holds so many of one source, an IPv6 network being one, and again when one goes', () => {
    const count = new ConnectionCount({ perSourceMax: 2, max: 10, reserved: 0 });
    expect(count.admit('2001:db8::1', stranger)).toBe(true);
    expect(count.admit('2001:db8::2', stranger)).toBe(true);
    expect(count.admit('2001:db8::3', known)).toBe(false);
    expect(count.admit('192.0.2.1', stranger)).toBe(true);
    count.release('2001:db8::1');
    expect(count.admit('2001:db8::3', stranger)).toBe(true);
    expect(count.size).toBe(3);
  });

  it('keeps a part for known sources, and holds no more than there is', () => {
    const count = new ConnectionCount({ perSourceMax: 100, max: 10, reserved: 3 });
    const admitted = (isKnown: () => boolean): number =>
      Array.from({ length: 20 }, (_, host) => count.admit(`192.0.2.${host}`, isKnown)).filter(Boolean).length;
    expect(admitted(stranger)).toBe(7);
    expect(admitted(known)).toBe(3);
    expect(count.size).toBe(10);
  });

  it('does not count below zero', () => {
    const count = new ConnectionCount({ perSourceMax: 1, max: 1, reserved: 0 });
    count.release('192.0.2.1');
    expect(count.size).toBe(0);
    expect(count.admit('192.0.2.1', stranger)).toBe(true);
    expect(count.admit('192.0.2.2', stranger)).toBe(false);
  });
});
