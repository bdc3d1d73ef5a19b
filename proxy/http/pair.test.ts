import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { certificateSignature } from '../../core/protocol/pairing/certificate.ts';
import {
  answerHostChallenge,
  derivePairingKey,
  encryptClientChallenge,
  makePairingSecret,
  openChallengeResponse,
} from '../../core/protocol/pairing/crypto.ts';
import type { MoonlightXml } from '../../core/protocol/moonlight/xml.ts';
import { certificateOf, redate } from '../../test/support/odd-certificates.ts';
import { enterPins, letIn, startBench, TestClient, type Bench } from './test-bench.ts';

let bench: Bench;
beforeEach(async () => {
  bench = await startBench({ timing: { turnMs: 300 } });
});
afterEach(() => bench.stop());

const toHex = (bytes: Uint8Array | string) => Buffer.from(bytes).toString('hex');

/** Steps 1 to 4 as libgamestream does them: it does not check the host's hash, so a wrong PIN shows in step 4. */
class Steps {
  readonly #client: TestClient;
  readonly #salt = randomBytes(16);
  readonly #secret = randomBytes(16);
  readonly #pin: string;
  #hostChallenge: Uint8Array = randomBytes(16);

  constructor(client: TestClient, pin: string) {
    this.#client = client;
    this.#pin = pin;
  }

  get #key(): Buffer {
    return derivePairingKey(this.#salt, this.#pin);
  }

  first(signal?: AbortSignal): Promise<MoonlightXml> {
    const clientcert = toHex(this.#client.identity.certificatePem);
    const query = { phrase: 'getservercert', salt: toHex(this.#salt), clientcert };
    return this.#client.http('/pair', Object.entries(query), signal);
  }

  async second(): Promise<MoonlightXml> {
    const clientchallenge = toHex(encryptClientChallenge(this.#key, randomBytes(16)));
    const xml = await this.#client.http('/pair', [['clientchallenge', clientchallenge]]);
    const bytes = Buffer.from(xml.fields['challengeresponse'] ?? '', 'hex');
    this.#hostChallenge = openChallengeResponse(this.#key, bytes)?.hostChallenge ?? this.#hostChallenge;
    return xml;
  }

  third(): Promise<MoonlightXml> {
    const clientSignature = certificateSignature(this.#client.identity.certificatePem) ?? Buffer.alloc(0);
    const message = answerHostChallenge({
      key: this.#key,
      hostChallenge: this.#hostChallenge,
      clientSignature,
      clientSecret: this.#secret,
    });
    return this.#client.http('/pair', [['serverchallengeresp', toHex(message)]]);
  }

  fourth(): Promise<MoonlightXml> {
    const secret = makePairingSecret(this.#secret, this.#client.identity.privateKeyPem);
    return this.#client.http('/pair', [['clientpairingsecret', toHex(secret)]]);
  }
}

async function failWithWrongPin(client: TestClient): Promise<MoonlightXml> {
  const steps = new Steps(client, '1234');
  const first = steps.first();
  const outcomes = enterPins(bench, '9999', 1);
  await first;
  expect((await steps.second()).statusCode).toBe(200);
  expect((await steps.third()).statusCode).toBe(200);
  const xml = await steps.fourth();
  expect(await outcomes).toEqual(['pinWrong']);
  return xml;
}

describe('GET /pair', () => {
  it('pairs a client whose PIN was entered, and keeps its Pairing when it pairs again', async () => {
    const [client] = bench.clients;
    const paired = client.pair('1234');
    expect(await enterPins(bench, '1234', 1)).toEqual(['paired']);
    expect(await paired).toBe(bench.identity.certificatePem);
    const [pairing, ...others] = await bench.pairings.list();
    expect(others).toEqual([]);
    expect(pairing?.spec.userReference.name).toBe(pairing?.metadata.name);
    expect(pairing?.metadata.name).toBe(`p-${pairing?.spec.fingerprint?.slice(0, 16) ?? ''}`);
    expect(pairing?.spec.clientName).toBe('Moonlight at 127.0.0.1');

    await letIn(bench, client, '4321');
    expect(await bench.pairings.list()).toEqual([pairing]);
    expect((await client.https('/serverinfo')).fields['PairStatus']).toBe('1');
  });

  it('refuses a client at once when its Pairing is deleted', async () => {
    const [client] = bench.clients;
    await letIn(bench, client);
    const [pairing] = await bench.pairings.list();
    await bench.pairings.delete(pairing?.metadata.name ?? '');
    for (const path of ['/serverinfo', '/applist', '/launch', '/resume', '/cancel']) {
      expect((await client.https(path)).statusCode, path).toBe(401);
    }
    const challenge = await client.https('/pair', [['phrase', 'pairchallenge']]);
    expect(challenge.statusCode).toBe(401);
  });

  it('says in step 4 that the PIN was wrong, and pairs nobody', async () => {
    const xml = await failWithWrongPin(bench.clients[0]);
    expect(xml).toMatchObject({ statusCode: 400, statusMessage: 'The PIN was wrong' });
    expect(await bench.pairings.list()).toEqual([]);
    expect(bench.exchanges.pending()).toEqual([]);
  });

  it('refuses an address after three wrong PINs', async () => {
    for (let tries = 0; tries < 3; tries += 1) await failWithWrongPin(bench.clients[0]);
    const xml = await new Steps(bench.clients[1], '1234').first();
    expect(xml.statusCode).toBe(400);
    expect(xml.statusMessage).toContain('Too many wrong PINs');
  });

  it('notices a client that sees the wrong PIN itself and goes silent', async () => {
    const paired = bench.clients[0].pair('1234').catch((error: unknown) => error);
    expect(await enterPins(bench, '9999', 1)).toEqual(['pinWrong']);
    expect(await paired).toMatchObject({ code: 'PIN_WRONG' });
  });

  it('takes /unpair after step 3 as giving up, and unpairs nobody', async () => {
    const [client] = bench.clients;
    await letIn(bench, client);
    const steps = new Steps(client, '1234');
    const first = steps.first();
    const outcomes = enterPins(bench, '9999', 1);
    await first;
    await steps.second();
    await steps.third();
    expect((await client.http('/unpair')).statusCode).toBe(403);
    expect(await outcomes).toEqual(['pinWrong']);
    expect(await bench.pairings.list()).toHaveLength(1);
  });

  it('pairs two clients of one address that ask at once', async () => {
    const both = bench.clients.map((client) => client.pair('1234'));
    expect(await enterPins(bench, '1234', 2)).toEqual(['paired', 'paired']);
    await Promise.all(both);
    expect(await bench.pairings.list()).toHaveLength(2);
  });

  it('lets a client that stalls in its turn wait no other', async () => {
    const [stalled, client] = bench.clients;
    const first = new Steps(stalled, '1234').first();
    const stalledOutcome = enterPins(bench, '1234', 1);
    await first;
    const paired = client.pair('1234');
    expect(await enterPins(bench, '1234', 1)).toContain('paired');
    await paired;
    expect(await stalledOutcome).toEqual(['expired']);
  });

  it.each([
    { name: 'step 2 without step 1', run: (steps: Steps) => steps.second() },
    { name: 'step 4 without step 1', run: (steps: Steps) => steps.fourth() },
    {
      name: 'step 3 before step 2',
      run: async (steps: Steps) => {
        const first = steps.first();
        void enterPins(bench, '1234', 1);
        await first;
        return steps.third();
      },
    },
    {
      name: 'step 2 twice',
      run: async (steps: Steps) => {
        const first = steps.first();
        void enterPins(bench, '1234', 1);
        await first;
        await steps.second();
        return steps.second();
      },
    },
  ])('ends with $name', async ({ run }) => {
    const xml = await run(new Steps(bench.clients[0], '1234'));
    expect(xml).toMatchObject({
      statusCode: 400,
      statusMessage: expect.stringContaining('start again') as string,
    });
    expect(bench.exchanges.pending()).toEqual([]);
    expect(await bench.pairings.list()).toEqual([]);
  });

  it('ends the exchange of a client that hangs up while it waits', async () => {
    const hangUp = new AbortController();
    const first = new Steps(bench.clients[0], '1234').first(hangUp.signal).catch(() => undefined);
    await expect.poll(() => bench.exchanges.pending()).toHaveLength(1);
    hangUp.abort();
    await first;
    await expect.poll(() => bench.exchanges.pending()).toEqual([]);
  });

  it('keeps one exchange for a certificate: a new step 1 ends the older', async () => {
    const [client] = bench.clients;
    const older = new Steps(client, '1234').first();
    await expect.poll(() => bench.exchanges.pending()).toHaveLength(1);
    const paired = client.pair('1234');
    expect((await older).statusMessage).toBe('This client started pairing again');
    expect(await enterPins(bench, '1234', 1)).toEqual(['paired']);
    await paired;
  });

  it('tells a client when nobody entered the PIN', async () => {
    await bench.stop();
    bench = await startBench({ timing: { pinWaitMs: 30 } });
    const xml = await new Steps(bench.clients[0], '1234').first();
    expect(xml).toMatchObject({
      statusCode: 400,
      statusMessage: expect.stringContaining('not entered') as string,
    });
  });

  const salt = toHex(randomBytes(16));
  it.each([
    { name: 'nothing', query: {}, says: 'no step of pairing' },
    { name: 'an unknown phrase', query: { phrase: 'nonsense' }, says: 'parameter phrase' },
    {
      name: 'a short salt',
      query: { phrase: 'getservercert', salt: 'abcd', clientcert: toHex('x') },
      says: 'parameter salt',
    },
    {
      name: 'a salt that is no hex',
      query: { phrase: 'getservercert', salt: 'z'.repeat(32), clientcert: 'ab' },
      says: 'parameter salt',
    },
    { name: 'no certificate', query: { phrase: 'getservercert', salt }, says: 'parameter clientcert' },
    {
      name: 'a certificate of garbage',
      query: { phrase: 'getservercert', salt, clientcert: toHex('garbage') },
      says: 'certificate is not readable',
    },
    {
      name: 'a damaged certificate',
      query: {
        phrase: 'getservercert',
        salt,
        clientcert: toHex('-----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----\n'),
      },
      says: 'certificate is not readable',
    },
    { name: 'an odd number of digits', query: { clientchallenge: 'abc' }, says: 'parameter clientchallenge' },
    { name: 'pairchallenge without TLS', query: { phrase: 'pairchallenge' }, says: 'parameter phrase' },
  ])('answers $name with an error that names it, and keeps nothing', async ({ query, says }) => {
    const xml = await bench.clients[0].http('/pair', Object.entries<string>(query));
    expect(xml.statusCode).toBe(400);
    expect(xml.statusMessage).toContain(says);
    expect(bench.exchanges.pending()).toEqual([]);
  });

  it.each([
    { kind: 'RSA-512', says: 'too short: at least 2048 bits' },
    { kind: 'RSA-2040', says: 'too short: at least 2048 bits' },
    { kind: 'RSA-4104', says: 'too long: at most 4096 bits' },
    { kind: 'ECDSA', says: "has no RSA key: Moonlight's pairing needs RSA" },
  ])('says what is wrong with a certificate of $kind', async ({ kind, says }) => {
    const query = { phrase: 'getservercert', salt, clientcert: toHex(certificateOf(kind)) };
    const xml = await bench.clients[0].http('/pair', Object.entries(query));
    expect(xml).toMatchObject({ statusCode: 400, statusMessage: expect.stringContaining(says) as string });
    expect(bench.exchanges.pending()).toEqual([]);
  });

  it.each([
    { name: 'is valid no more', from: '000101000000Z', to: '010101000000Z' },
    { name: 'is not valid yet', from: '480101000000Z', to: '490101000000Z' },
  ])('pairs a client whose certificate $name', async ({ from, to }) => {
    const { certificatePem, privateKeyPem } = bench.clients[0].identity;
    const identity = { certificatePem: redate(certificatePem, from, to), privateKeyPem };
    const client = new TestClient(bench.ports.http, identity);
    await letIn(bench, client);
    expect((await client.https('/serverinfo')).fields['PairStatus']).toBe('1');
  });

  it('ends with a step of the wrong size', async () => {
    const first = new Steps(bench.clients[0], '1234').first();
    void enterPins(bench, '1234', 1);
    await first;
    const xml = await bench.clients[0].http('/pair', [['clientchallenge', 'ab'.repeat(1000)]]);
    expect(xml.statusMessage).toBe('This is not a valid pairing request');
    expect(bench.exchanges.pending()).toEqual([]);
  });

  it('logs neither PIN nor salt nor URL', async () => {
    await letIn(bench, bench.clients[0], '7391');
    await bench.clients[0].http('/pair', [['clientchallenge', 'feedface'.repeat(4)]]);
    const logged = bench.logged();
    expect(logged).toContain('client is paired');
    for (const secret of ['7391', 'salt', 'feedface', 'PRIVATE KEY']) expect(logged).not.toContain(secret);
  });
});
