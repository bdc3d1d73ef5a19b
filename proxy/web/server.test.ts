import type { InjectOptions, LightMyRequestResponse } from 'fastify';
import { hash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Pairing } from '../../core/crd/types.ts';
import { createLogger } from '../../core/runtime/log.ts';
import type { PendingExchange } from '../pairing/types.ts';
import type { PairingOutcome } from '../pairing/outcome.ts';
import { createWebServer, type WebServer } from './server.ts';

const ID = '4ade85a2-2e8b-46d7-a944-8ebdfafeb4a7';
const PENDING: PendingExchange = {
  id: ID,
  address: '192.0.2.9',
  fingerprint: 'ab12cd34'.repeat(8),
  since: Date.parse('2026-02-03T04:05:06Z'),
  awaitsPin: true,
};
const OWN = { host: 'localhost:47990', 'sec-fetch-site': 'same-origin' };

let web: WebServer;
let pending: PendingExchange[];
let pairings: Pairing[];
let entered: unknown[];
let outcome: Promise<PairingOutcome> | undefined;
let lines: string[];

beforeEach(() => {
  [pending, pairings, entered, outcome, lines] = [[], [], [], undefined, []];
  const log = createLogger('trace', {
    write: (line) => {
      lines.push(line);
    },
  });
  web = createWebServer({
    config: { bindAddress: '127.0.0.1', port: 0 },
    hostname: '<Wolf & "Co">',
    exchanges: {
      pending: () => pending,
      enterPin: (...args) => {
        entered.push(args);
        return outcome;
      },
    },
    pairings: {
      list: () => Promise.resolve(pairings),
      delete: (name) => {
        pairings = pairings.filter(({ metadata }) => metadata.name !== name);
        return Promise.resolve();
      },
    },
    catalog: { awaitedPins: () => [{ hostName: 'sofa', address: '192.0.2.5', pin: '4711' }] },
    now: () => PENDING.since + 42_000,
    log,
    outcomeWaitMs: 20,
  });
});
afterEach(() => web.stop());

function pairing(clientName?: string): Pairing {
  return {
    kind: 'Pairing',
    metadata: { name: 'p-1', uid: 'u', generation: 1, creationTimestamp: '2026-01-01T00:00:00.000Z' },
    spec: {
      userReference: { name: 'default' },
      clientCertPEM: 'pem',
      fingerprint: 'ef'.repeat(32),
      ...(clientName === undefined ? {} : { clientName }),
    },
  };
}

const get = (url = '/', headers: Record<string, string> = { host: 'localhost:47990' }) =>
  web.app.inject({ method: 'GET', url, headers });

async function tokenOf(): Promise<string> {
  const [, token = ''] = /name="token" value="([^"]+)"/.exec((await get()).body) ?? [];
  return token;
}

async function post(
  url: string,
  fields: Record<string, string>,
  options: Partial<InjectOptions> = {},
): Promise<LightMyRequestResponse> {
  pairings.push(pairing());
  const payload = new URLSearchParams({ token: await tokenOf(), ...fields }).toString();
  const headers = { ...OWN, 'content-type': 'application/x-www-form-urlencoded', ...options.headers };
  return web.app.inject({ method: 'POST', url, payload, headers });
}

describe('the PIN page', () => {
  it('shows who asks, from where and since when, with a labelled form', async () => {
    pending = [PENDING];
    const { body, headers } = await get();
    expect(headers['content-type']).toBe('text/html; charset=utf-8');
    expect(body).toContain('192.0.2.9');
    expect(body).toContain('<time datetime="2026-02-03T04:05:06.000Z">');
    expect(body).toContain('42 s ago');
    expect(body).toContain('ab12 cd34 ab12 cd34');
    expect(body).toContain(`<label for="pin-${ID}">`);
    expect(body).toContain('autofocus');
    expect(body).toContain('<html lang="en">');
  });

  it('reloads by itself only while nobody types', async () => {
    expect((await get()).body).toContain('http-equiv="refresh"');
    pending = [{ ...PENDING, awaitsPin: false }];
    expect((await get()).body).toContain('http-equiv="refresh"');
    pending = [PENDING];
    expect((await get()).body).not.toContain('http-equiv="refresh"');
  });

  it('shows the PINs that hosts wait for, and the paired clients', async () => {
    pairings = [pairing('Living room'), pairing()];
    const { body } = await get();
    expect(body).toContain('4711');
    expect(body).toContain('sofa');
    expect(body).toContain('Living room');
    expect(body).toContain('Unnamed client');
  });

  it('escapes whatever it did not write itself', async () => {
    pending = [{ ...PENDING, address: '<script>"1"' }];
    pairings = [pairing(`<img src=x onerror='x'>`)];
    const { body } = await get(`/?message=%3Cscript%3E`);
    expect(body).not.toContain('<script');
    expect(body).not.toContain('<img');
    expect(body).toContain('&lt;Wolf &amp; &quot;Co&quot;&gt;');
  });

  it('allows its own style and nothing else', async () => {
    const { body, headers } = await get();
    const [, style = ''] = /<style>([^]*)<\/style>/.exec(body) ?? [];
    const policy = String(headers['content-security-policy']);
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain(`style-src 'sha256-${hash('sha256', style, 'base64')}'`);
    expect(headers).toMatchObject({ 'x-frame-options': 'DENY', 'cache-control': 'no-store' });
  });

  it('answers no foreign name', async () => {
    for (const host of ['evil.example', 'localhost.evil.example', '192.0.2.1']) {
      const response = await get('/', { host });
      expect(response.statusCode).toBe(421);
      expect(response.body).not.toContain('4711');
    }
  });

  it('has no other pages', async () => {
    expect((await get('/nope')).statusCode).toBe(404);
    expect((await get('/pin')).statusCode).toBe(404);
  });
});

describe('POST /pin', () => {
  it('enters the PIN and says how it went', async () => {
    outcome = Promise.resolve('paired');
    const response = await post('/pin', { id: ID, pin: '1234', name: ' Sofa ' });
    expect(entered).toEqual([[ID, '1234', 'Sofa']]);
    expect(response.statusCode).toBe(303);
    expect(response.headers.location).toBe('/?message=paired');
    const { body } = await get('/?message=paired');
    expect(body).toMatch(/role="status"[^>]*>Paired\./);
  });

  it.each([
    { name: 'a wrong PIN', result: Promise.resolve<PairingOutcome>('pinWrong'), message: 'pinWrong' },
    {
      name: 'a client that is slow',
      result: new Promise<PairingOutcome>(() => undefined),
      message: 'waiting',
    },
    { name: 'a client that is gone', result: undefined, message: 'gone' },
  ])('tells of $name', async ({ result, message }) => {
    outcome = result;
    const response = await post('/pin', { id: ID, pin: '1234' });
    expect(response.headers.location).toBe(`/?message=${message}`);
    expect((await get(`/?message=${message}`)).body).toContain('role="status"');
  });

  it.each([
    { pin: '123' },
    { pin: '12345' },
    { pin: 'abcd' },
    { pin: '' },
    { pin: '1234', name: 'x'.repeat(101) },
  ])('takes no %o', async (fields) => {
    const response = await post('/pin', { id: ID, ...fields });
    expect(response.headers.location).toBe('/?message=invalid');
    expect(entered).toEqual([]);
  });

  it.each([
    { name: 'another site', headers: { 'sec-fetch-site': 'cross-site' }, fields: {} },
    { name: 'a foreign name', headers: { host: 'evil.example' }, fields: {} },
    { name: 'a form without token', headers: {}, fields: { token: '' } },
    { name: 'a form of an earlier process', headers: {}, fields: { token: 'x'.repeat(43) } },
  ])('refuses $name', async ({ headers, fields }) => {
    const response = await post('/pin', { id: ID, pin: '1234', ...fields }, { headers });
    expect(response.statusCode).toBeGreaterThanOrEqual(400);
    expect(entered).toEqual([]);
  });

  it('refuses other kinds of bodies, and large ones', async () => {
    const json = { method: 'POST', url: '/pin', headers: OWN, payload: { id: ID } } as const;
    expect((await web.app.inject(json)).statusCode).toBe(415);
    expect((await post('/pin', { id: ID, pin: '1234', name: 'x'.repeat(5000) })).statusCode).toBe(413);
    expect(entered).toEqual([]);
  });

  it('logs no PIN', async () => {
    outcome = Promise.resolve('paired');
    await post('/pin', { id: ID, pin: '7391' });
    expect(lines.join('')).not.toContain('7391');
  });
});

describe('POST /remove', () => {
  it('removes a client', async () => {
    const response = await post('/remove', { id: 'p-1' });
    expect(response.headers.location).toBe('/?message=removed');
    expect(pairings).toEqual([]);
  });
});

describe('createWebServer', () => {
  it('listens, and says which port it cannot have', async () => {
    const port = await web.start();
    const response = await fetch(`http://127.0.0.1:${port}/`);
    expect(response.status).toBe(200);
    const second = createWebServer({
      config: { bindAddress: '127.0.0.1', port },
      hostname: 'x',
      exchanges: { pending: () => [], enterPin: () => undefined },
      pairings: { list: () => Promise.resolve([]), delete: () => Promise.resolve() },
      catalog: { awaitedPins: () => [] },
      now: () => 0,
      log: createLogger('silent'),
    });
    await expect(second.start()).rejects.toMatchObject({ code: 'PORT_UNAVAILABLE', details: { port } });
    await second.stop();
  });
});
