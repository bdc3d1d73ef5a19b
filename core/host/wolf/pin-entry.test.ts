import { describe, expect, it } from 'vitest';
import { GleipnirError } from '../../runtime/errors.ts';
import type { WolfClient, WolfPairRequest } from './client.ts';
import { localAddressTowards, preparePinEntry } from './pin-entry.ts';

const OURS = '192.0.2.1';

/** A Wolf where clients wait for PINs. */
class FakeWolf {
  pending: WolfPairRequest[] = [];
  readonly typed: string[][] = [];
  error: Error | undefined;

  client(): WolfClient {
    const refuse = (): Promise<never> => Promise.reject(new Error('not part of this'));
    return {
      pairPending: () => Promise.resolve(this.pending),
      pairClient: (pairSecret, pin) => {
        if (this.error !== undefined) return Promise.reject(this.error);
        this.typed.push([pairSecret, pin]);
        return Promise.resolve();
      },
      clients: refuse,
      unpair: refuse,
      sessions: refuse,
      sessionsStop: refuse,
    };
  }
}

describe('preparePinEntry', () => {
  it('types for the request that came from our address after we began', async () => {
    const wolf = new FakeWolf();
    wolf.pending = [{ pairSecret: 'OLD', clientAddress: OURS }];
    const typePin = await preparePinEntry(wolf.client(), OURS);
    expect(await typePin('1234')).toBe(false);
    wolf.pending = [...wolf.pending, { pairSecret: 'STRANGER', clientAddress: '198.51.100.7' }];
    expect(await typePin('1234')).toBe(false);
    wolf.pending = [...wolf.pending, { pairSecret: 'NEW', clientAddress: OURS }];
    expect(await typePin('1234')).toBe(true);
    expect(wolf.typed).toEqual([['NEW', '1234']]);
  });

  it('tries again when Wolf dropped the request meanwhile, and passes other failures on', async () => {
    const wolf = new FakeWolf();
    const typePin = await preparePinEntry(wolf.client(), OURS);
    wolf.pending = [{ pairSecret: 'NEW', clientAddress: OURS }];
    wolf.error = new GleipnirError('HOST_REFUSED', 'no');
    expect(await typePin('1234')).toBe(false);
    wolf.error = new GleipnirError('HOST_UNREACHABLE', 'gone');
    await expect(typePin('1234')).rejects.toThrow('gone');
  });
});

describe('localAddressTowards', () => {
  it.each([
    { address: '127.0.0.1', expected: /^127\.0\.0\.1$/ },
    { address: 'localhost', expected: /^(127\.0\.0\.1|::1)$/ },
  ])('knows where packets to $address leave from', async ({ address, expected }) => {
    expect(await localAddressTowards(address, 47_989)).toMatch(expected);
  });

  it('fails for a name that does not resolve', async () => {
    await expect(localAddressTowards('nowhere.invalid', 47_989)).rejects.toMatchObject({
      code: 'HOST_UNREACHABLE',
    });
  });
});
