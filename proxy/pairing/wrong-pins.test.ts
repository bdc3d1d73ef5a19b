import { describe, expect, it } from 'vitest';
import { createMemoryClaims } from '../../core/session/memory-claims.ts';
import { WRONG_PIN_WINDOW_MS, WRONG_PINS_MAX, WrongPins } from './wrong-pins.ts';

function setUp(): { wrongPins: WrongPins; clock: { nowMs: number } } {
  const clock = { nowMs: 1_000 };
  return {
    wrongPins: new WrongPins(
      createMemoryClaims({ onListenerError: () => undefined, now: () => clock.nowMs }),
    ),
    clock,
  };
}

describe('WrongPins', () => {
  it('blocks an address, and only that, after its last try', async () => {
    const { wrongPins } = setUp();
    for (let tries = 0; tries < WRONG_PINS_MAX; tries += 1) {
      expect(await wrongPins.isBlocked('192.0.2.1')).toBe(false);
      await wrongPins.add('192.0.2.1');
    }
    expect(await wrongPins.isBlocked('192.0.2.1')).toBe(true);
    expect(await wrongPins.isBlocked('192.0.2.2')).toBe(false);
  });

  it('counts the addresses of one IPv6 network together', async () => {
    const { wrongPins } = setUp();
    for (let tries = 0; tries < WRONG_PINS_MAX; tries += 1) await wrongPins.add(`2001:db8::${tries}`);
    expect(await wrongPins.isBlocked('2001:db8::ffff')).toBe(true);
    expect(await wrongPins.isBlocked('2001:db8:0:1::1')).toBe(false);
  });

  it('forgets a try after the window', async () => {
    const { wrongPins, clock } = setUp();
    for (let tries = 0; tries < WRONG_PINS_MAX; tries += 1) {
      await wrongPins.add('192.0.2.1');
      clock.nowMs += 1;
    }
    clock.nowMs += WRONG_PIN_WINDOW_MS - WRONG_PINS_MAX;
    expect(await wrongPins.isBlocked('192.0.2.1')).toBe(false);
  });

  it('says how long ago the last try was', async () => {
    const { wrongPins, clock } = setUp();
    expect(await wrongPins.sinceLastMs('192.0.2.1')).toBe(Infinity);
    await wrongPins.add('192.0.2.1');
    clock.nowMs += 7;
    expect(await wrongPins.sinceLastMs('192.0.2.1')).toBe(7);
  });
});
