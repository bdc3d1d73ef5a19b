import { describe, expect, it } from 'vitest';
import { WRONG_PIN_WINDOW_MS, WRONG_PINS_MAX, WrongPins } from './wrong-pins.ts';

function setUp(): { wrongPins: WrongPins; clock: { nowMs: number } } {
  const clock = { nowMs: 1_000 };
  return { wrongPins: new WrongPins(() => clock.nowMs), clock };
}

describe('WrongPins', () => {
  it('blocks an address, and only that, after its last try', () => {
    const { wrongPins } = setUp();
    for (let tries = 0; tries < WRONG_PINS_MAX; tries += 1) {
      expect(wrongPins.isBlocked('192.0.2.1')).toBe(false);
      wrongPins.add('192.0.2.1');
    }
    expect(wrongPins.isBlocked('192.0.2.1')).toBe(true);
    expect(wrongPins.isBlocked('192.0.2.2')).toBe(false);
  });

  it('counts the addresses of one IPv6 network together', () => {
    const { wrongPins } = setUp();
    for (let tries = 0; tries < WRONG_PINS_MAX; tries += 1) wrongPins.add(`2001:db8::${tries}`);
    expect(wrongPins.isBlocked('2001:db8::ffff')).toBe(true);
    expect(wrongPins.isBlocked('2001:db8:0:1::1')).toBe(false);
  });

  it('forgets a try after the window', () => {
    const { wrongPins, clock } = setUp();
    for (let tries = 0; tries < WRONG_PINS_MAX; tries += 1) {
      wrongPins.add('192.0.2.1');
      clock.nowMs += 1;
    }
    clock.nowMs += WRONG_PIN_WINDOW_MS - WRONG_PINS_MAX;
    expect(wrongPins.isBlocked('192.0.2.1')).toBe(false);
  });

  it('says how long ago the last try was', () => {
    const { wrongPins, clock } = setUp();
    expect(wrongPins.sinceLastMs('192.0.2.1')).toBe(Infinity);
    wrongPins.add('192.0.2.1');
    clock.nowMs += 7;
    expect(wrongPins.sinceLastMs('192.0.2.1')).toBe(7);
  });

  it('stays bounded, and forgets the oldest address first', () => {
    const { wrongPins } = setUp();
    for (let tries = 0; tries < WRONG_PINS_MAX; tries += 1) wrongPins.add('192.0.2.1');
    for (let n = 0; n < 1024; n += 1) wrongPins.add(`198.51.100.${n}`);
    expect(wrongPins.isBlocked('192.0.2.1')).toBe(false);
    expect(wrongPins.sinceLastMs('198.51.100.1023')).toBe(0);
  });
});
