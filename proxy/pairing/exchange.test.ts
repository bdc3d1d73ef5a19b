import { randomBytes } from 'node:crypto';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  createClientCertificate,
  createHostCertificate,
  type Certificate,
} from '../../core/identity/certificate.ts';
import { certificateSignature } from '../../core/protocol/pairing/certificate.ts';
import {
  answerHostChallenge,
  derivePairingKey,
  encryptClientChallenge,
  makePairingSecret,
  openChallengeResponse,
} from '../../core/protocol/pairing/crypto.ts';
import { createLogger } from '../../core/runtime/log.ts';
import { createSealer } from '../../core/runtime/seal.ts';
import { ExchangeRecord } from '../../core/session/exchange-record.ts';
import { createMemoryTable } from '../../core/session/memory.ts';
import type { SessionTable } from '../../core/session/table.ts';
import type { ObjectStore } from '../../core/store/object-store.ts';
import { PairingExchanges, type PairingExchangesDeps } from './exchange.ts';
import type { PairingOutcome } from './outcome.ts';
import { PENDING_MAX, PENDING_PER_ADDRESS_MAX } from './types.ts';

const never = new AbortController().signal;
const ADDRESS = '192.0.2.1';

let host: Certificate;
let client: Certificate;
let table: SessionTable;
let exchanges: PairingExchanges;
let running: PairingExchanges[];
let ended: PairingOutcome[];
let created: unknown[];

beforeAll(async () => {
  [host, client] = await Promise.all([createHostCertificate('host'), createClientCertificate()]);
});
beforeEach(async () => {
  table = createMemoryTable();
  ended = [];
  created = [];
  running = [];
  exchanges = await startProxy();
});
afterEach(() => Promise.all(running.map((each) => each.stop())));

function createProxy(changes: Partial<PairingExchangesDeps> = {}): PairingExchanges {
  return new PairingExchanges({
    identity: host,
    pairings: {
      list: () => Promise.resolve([]),
      create: (object: unknown) => Promise.resolve(void created.push(object)),
    } as unknown as ObjectStore<'Pairing'>,
    table: table.reader,
    claims: table.claims,
    exchanges: table.writer('exchange'),
    sealer: createSealer(Buffer.alloc(32, 1)),
    now: () => 1_000,
    log: createLogger('silent'),
    ...changes,
  });
}

/** One of the proxies on the table. */
async function startProxy(changes: Partial<PairingExchangesDeps> = {}): Promise<PairingExchanges> {
  const proxy = createProxy(changes);
  running.push(proxy);
  proxy.onEnd((outcome) => ended.push(outcome));
  await proxy.start();
  return proxy;
}

const SALT = Buffer.alloc(16);

/** Step 1 of client number `n`; the certificate itself is not looked at again before step 4. */
function begin(n: number, address: string, signal = never): Promise<unknown> {
  const { certificatePem } = client;
  const fingerprint = n.toString(16).padStart(64, '0');
  const request = { address, salt: SALT, certificatePem, fingerprint };
  return exchanges.begin(request, signal).catch((error: unknown) => error);
}

async function expectPending(count: number): Promise<void> {
  await expect.poll(() => exchanges.pending()).toHaveLength(count);
}

describe('PairingExchanges', () => {
  it('lists who asks, from where and since when, and takes one PIN for each', async () => {
    void begin(1, ADDRESS);
    await expectPending(1);
    const [pending] = exchanges.pending();
    expect(pending).toMatchObject({ address: ADDRESS, since: 1_000, awaitsPin: true });
    void exchanges.enterPin(pending?.id ?? '', '1234');
    await expect.poll(() => exchanges.pending()).toMatchObject([{ awaitsPin: false }]);
    expect(await exchanges.enterPin(pending?.id ?? '', '4321')).toBeUndefined();
    expect(await exchanges.enterPin('unknown', '1234')).toBeUndefined();
  });

  it('takes only so many exchanges of one address', async () => {
    for (let n = 0; n < PENDING_PER_ADDRESS_MAX; n += 1) {
      void begin(n, ADDRESS);
      await expectPending(n + 1);
    }
    expect(await begin(99, ADDRESS)).toMatchObject({ code: 'HOST_BUSY' });
    void begin(99, '192.0.2.2');
    await expectPending(PENDING_PER_ADDRESS_MAX + 1);
  });

  it('takes only so many exchanges in all', async () => {
    for (let n = 0; n < PENDING_MAX; n += 1) {
      void begin(n, `192.0.2.${n}`);
      await expectPending(n + 1);
    }
    expect(await begin(99, '198.51.100.1')).toMatchObject({ code: 'HOST_BUSY' });
  });

  it('keeps nothing of a client that had already left', async () => {
    expect(await begin(1, ADDRESS, AbortSignal.abort())).toMatchObject({ code: 'REQUEST_INVALID' });
    await expectPending(0);
  });

  it('releases one exchange of an address at a time, in the order of the PINs', async () => {
    const first = begin(1, ADDRESS);
    await expectPending(1);
    let isSecondReleased = false;
    const second = begin(2, ADDRESS).then(() => {
      isSecondReleased = true;
    });
    await expectPending(2);
    const other = begin(3, '192.0.2.2');
    await expectPending(3);
    const outcomes = exchanges.pending().map(({ id }) => exchanges.enterPin(id, '1234'));
    await Promise.all([first, other]);
    expect(isSecondReleased).toBe(false);
    await expect(exchanges.advance(ADDRESS, 'clientpairingsecret', Buffer.alloc(1))).rejects.toThrow();
    expect(await outcomes[0]).toBe('failed');
    expect(ended).toEqual(['failed']);
    await second;
    await expectPending(2);
  });

  it('ends what waits here when it stops', async () => {
    const first = begin(1, ADDRESS);
    await expectPending(1);
    await exchanges.stop();
    expect(await first).toMatchObject({ message: 'Pairing was ended: start again' });
    expect(await table.reader.list('exchange')).toMatchObject([{ phase: 'over', outcome: 'failed' }]);
  });

  it('needs a readable certificate of its own', () => {
    expect(() => createProxy({ identity: { ...host, certificatePem: 'garbage' } })).toThrow('not readable');
  });
});

describe('several proxies on one table', () => {
  /** Steps 2 to 4 as a client takes them, each at the next of `proxies`. */
  async function takeSteps(proxies: readonly PairingExchanges[], pin: string): Promise<void> {
    const [second, third, fourth] = proxies;
    const key = derivePairingKey(SALT, pin);
    const clientSecret = randomBytes(16);
    const challenge = encryptClientChallenge(key, randomBytes(16));
    const response = await second?.advance(ADDRESS, 'clientchallenge', challenge);
    const { hostChallenge = Buffer.alloc(16) } =
      openChallengeResponse(key, response ?? Buffer.alloc(0)) ?? {};
    const clientSignature = certificateSignature(client.certificatePem) ?? Buffer.alloc(0);
    const hash = answerHostChallenge({ key, hostChallenge, clientSignature, clientSecret });
    await third?.advance(ADDRESS, 'serverchallengeresp', hash);
    const secret = makePairingSecret(clientSecret, client.privateKeyPem);
    expect(await fourth?.advance(ADDRESS, 'clientpairingsecret', secret)).toBeUndefined();
  }

  it('pair a client each of whose steps, and whose PIN, meets another one', async () => {
    const others = [await startProxy(), await startProxy(), await startProxy(), await startProxy()] as const;
    const [console_, second, third, fourth] = others;
    const first = begin(1, ADDRESS);
    await expect.poll(() => console_.pending()).toHaveLength(1);
    const [pending] = console_.pending();
    const outcome = console_.enterPin(pending?.id ?? '', '1234', { clientName: 'Sofa' });
    expect(await first).toBeUndefined();
    for (const row of await table.reader.list('exchange')) {
      expect(ExchangeRecord.parse(row)).toEqual(row);
      expect(JSON.stringify(row)).not.toContain(derivePairingKey(SALT, '1234').toString('base64'));
    }
    await takeSteps([second, third, fourth], '1234');
    expect(await outcome).toBe('paired');
    expect(created).toMatchObject([{ spec: { clientName: 'Sofa' } }]);
    expect(ended).toEqual(['paired']);
    await expect.poll(() => console_.pending()).toEqual([]);
  });

  it('count wrong PINs together, also of whoever falls silent', async () => {
    const other = await startProxy();
    const first = begin(1, ADDRESS);
    await expectPending(1);
    const outcome = other.enterPin(exchanges.pending()[0]?.id ?? '', '9999');
    await first;
    await expect(takeSteps([other, exchanges, other], '1234')).rejects.toMatchObject({ code: 'PIN_WRONG' });
    expect(await outcome).toBe('pinWrong');
    for (const n of [2, 3]) {
      void begin(n, ADDRESS);
      await expectPending(1);
      const late = other.enterPin(exchanges.pending()[0]?.id ?? '', '9999');
      await expect.poll(async () => (await table.reader.list('exchange')).at(-1)?.phase).toBe('certSent');
      await expect(takeSteps([other, exchanges, other], '1234')).rejects.toMatchObject({ code: 'PIN_WRONG' });
      expect(await late).toBe('pinWrong');
      await expectPending(0);
    }
    expect(await begin(4, ADDRESS)).toMatchObject({ code: 'PIN_WRONG' });
  });

  it('take no step twice', async () => {
    const other = await startProxy();
    const first = begin(1, ADDRESS);
    await expectPending(1);
    void other.enterPin(exchanges.pending()[0]?.id ?? '', '1234');
    await first;
    const challenge = encryptClientChallenge(derivePairingKey(SALT, '1234'), randomBytes(16));
    const answers = await Promise.allSettled(
      [exchanges, other].map((proxy) => proxy.advance(ADDRESS, 'clientchallenge', challenge)),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  });

  it('end what another one began and left behind', async () => {
    const timing = { pinWaitMs: 30 };
    const gone = createProxy({ timing });
    gone.onEnd(expect.unreachable);
    // It crashes: nobody of it looks after the row any more.
    gone
      .begin(
        { address: ADDRESS, salt: SALT, certificatePem: client.certificatePem, fingerprint: 'ab'.repeat(32) },
        never,
      )
      .catch(() => undefined);
    await expect.poll(() => ended).toEqual(['expired']);
    expect(await table.reader.list('exchange')).toMatchObject([{ phase: 'over', outcome: 'expired' }]);
  });
});
