import { describe, expect, it } from 'vitest';
import type { TypePin } from '../../core/host/wolf/pin-entry.ts';
import { FakeHost } from '../../test/support/fake-host.ts';
import { SelfPairing } from './self-pairing.ts';

const stopping = new AbortController();

function pairingAt(host: FakeHost, prepare: () => Promise<TypePin> | TypePin): SelfPairing {
  return new SelfPairing({ hostName: host.spec.name, prepare, signal: stopping.signal });
}

describe('SelfPairing', () => {
  it('types until the request has arrived, for one identity at a time', async () => {
    const host = new FakeHost('attic', { isPaired: false });
    let prepared = 0;
    let early = 3;
    const self = pairingAt(host, () => {
      expect(host.pairedKeys()).toHaveLength(prepared);
      prepared += 1;
      return (pin) => Promise.resolve((early -= 1) < 0 && host.typePin(pin));
    });
    const keys = ['a.1', 'b.1', 'c.1'];
    await Promise.all(keys.map((key) => self.pair(host.driver(key))));
    expect(host.pairedKeys()).toEqual(keys);
    expect(prepared).toBe(3);
  });

  it('pairs an identity once, however often it is asked to', async () => {
    const host = new FakeHost('attic', { isPaired: false });
    let prepared = 0;
    const self = pairingAt(host, () => {
      prepared += 1;
      return (pin) => Promise.resolve(host.typePin(pin));
    });
    await Promise.all([self.pair(host.driver('a.1')), self.pair(host.driver('a.1'))]);
    expect(prepared).toBe(1);
  });

  it('gives up, and lets the next one try, when no PIN can be typed', async () => {
    const host = new FakeHost('attic', { isPaired: false });
    let isBroken = true;
    const self = pairingAt(host, () => (pin) => {
      return isBroken ? Promise.reject(new Error('no socket')) : Promise.resolve(host.typePin(pin));
    });
    await expect(self.pair(host.driver('a.1'))).rejects.toThrow('no socket');
    isBroken = false;
    await self.pair(host.driver('a.1'));
    expect(host.pairedKeys()).toEqual(['a.1']);
  });
});
