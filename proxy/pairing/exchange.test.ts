import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  createClientCertificate,
  createHostCertificate,
  type Certificate,
} from '../../core/identity/certificate.ts';
import { createLogger } from '../../core/runtime/log.ts';
import type { ObjectStore } from '../../core/store/object-store.ts';
import { PairingExchanges } from './exchange.ts';
import type { PairingOutcome } from './outcome.ts';
import { PENDING_MAX, PENDING_PER_ADDRESS_MAX } from './types.ts';

const never = new AbortController().signal;

let host: Certificate;
let client: Certificate;
let exchanges: PairingExchanges;
let ended: PairingOutcome[];

beforeAll(async () => {
  [host, client] = await Promise.all([createHostCertificate('host'), createClientCertificate()]);
});
beforeEach(() => {
  ended = [];
  exchanges = new PairingExchanges({
    identity: host,
    pairings: {} as ObjectStore<'Pairing'>,
    now: () => 1_000,
    log: createLogger('silent'),
  });
  exchanges.onEnd((outcome) => ended.push(outcome));
});
afterEach(() => {
  exchanges.stop();
});

/** Step 1 of client number `n`; the certificate itself is not looked at again before step 4. */
function begin(n: number, address: string, signal = never): Promise<unknown> {
  const { certificatePem } = client;
  const request = {
    address,
    salt: Buffer.alloc(16),
    certificatePem,
    fingerprint: n.toString(16).padStart(64, '0'),
  };
  return exchanges.begin(request, signal).catch((error: unknown) => error);
}

describe('PairingExchanges', () => {
  it('lists who asks, from where and since when, and takes one PIN for each', () => {
    void begin(1, '192.0.2.1');
    const [pending] = exchanges.pending();
    expect(pending).toMatchObject({ address: '192.0.2.1', since: 1_000, awaitsPin: true });
    expect(exchanges.enterPin(pending?.id ?? '', '1234')).toBeInstanceOf(Promise);
    expect(exchanges.pending()).toMatchObject([{ awaitsPin: false }]);
    expect(exchanges.enterPin(pending?.id ?? '', '4321')).toBeUndefined();
    expect(exchanges.enterPin('unknown', '1234')).toBeUndefined();
  });

  it('takes only so many exchanges of one address', async () => {
    for (let n = 0; n < PENDING_PER_ADDRESS_MAX; n += 1) void begin(n, '192.0.2.1');
    expect(await begin(99, '192.0.2.1')).toMatchObject({ code: 'HOST_BUSY' });
    void begin(99, '192.0.2.2');
    expect(exchanges.pending()).toHaveLength(PENDING_PER_ADDRESS_MAX + 1);
  });

  it('takes only so many exchanges in all', async () => {
    for (let n = 0; n < PENDING_MAX; n += 1) void begin(n, `192.0.2.${n}`);
    expect(await begin(99, '198.51.100.1')).toMatchObject({ code: 'HOST_BUSY' });
  });

  it('keeps nothing of a client that had already left', async () => {
    expect(await begin(1, '192.0.2.1', AbortSignal.abort())).toMatchObject({ code: 'REQUEST_INVALID' });
    expect(exchanges.pending()).toEqual([]);
  });

  it('releases one exchange of an address at a time, in the order of the PINs', async () => {
    const first = begin(1, '192.0.2.1');
    let isSecondReleased = false;
    const second = begin(2, '192.0.2.1').then(() => {
      isSecondReleased = true;
    });
    const other = begin(3, '192.0.2.2');
    const outcomes = exchanges.pending().map(({ id }) => exchanges.enterPin(id, '1234'));
    await Promise.all([first, other]);
    expect(isSecondReleased).toBe(false);
    await expect(exchanges.advance('192.0.2.1', 'clientpairingsecret', Buffer.alloc(1))).rejects.toThrow();
    expect(await outcomes[0]).toBe('failed');
    expect(ended).toEqual(['failed']);
    await second;
    expect(exchanges.pending()).toHaveLength(2);
  });

  it('ends everything when it stops', async () => {
    const first = begin(1, '192.0.2.1');
    exchanges.stop();
    expect(await first).toMatchObject({ message: 'Pairing was ended: start again' });
  });

  it('needs a readable certificate of its own', () => {
    const deps = { pairings: {} as ObjectStore<'Pairing'>, now: () => 0, log: createLogger('silent') };
    const identity = { ...host, certificatePem: 'garbage' };
    expect(() => new PairingExchanges({ ...deps, identity })).toThrow('not readable');
  });
});
