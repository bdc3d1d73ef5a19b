import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AddressWatch } from './address-watch.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function watchOf(address: string, addresses?: () => string[]) {
  const told: boolean[] = [];
  const watch = new AddressWatch({
    address,
    onChange: (isHere) => told.push(isHere),
    ...(addresses === undefined ? {} : { addresses }),
  });
  return { watch, told };
}

describe('AddressWatch', () => {
  it('tells when the address comes and goes, each time once', () => {
    let here = ['192.0.2.1'];
    const { watch, told } = watchOf('192.0.2.7', () => here);
    watch.start();
    vi.advanceTimersByTime(1_000);
    expect(told).toEqual([]);
    here = ['192.0.2.1', '192.0.2.7'];
    vi.advanceTimersByTime(100);
    expect(told).toEqual([true]);
    here = [];
    vi.advanceTimersByTime(100);
    expect(told).toEqual([true, false]);
    watch.stop();
    here = ['192.0.2.7'];
    vi.advanceTimersByTime(1_000);
    expect(told).toEqual([true, false]);
  });

  it('knows an IPv6 address in any spelling', () => {
    const { watch, told } = watchOf('2001:DB8:0::7', () => ['2001:db8::7']);
    watch.start();
    expect(told).toEqual([true]);
    watch.stop();
  });

  it('finds an address of this machine', () => {
    const { watch, told } = watchOf('127.0.0.1');
    watch.start();
    expect(told).toEqual([true]);
    watch.stop();
  });
});
