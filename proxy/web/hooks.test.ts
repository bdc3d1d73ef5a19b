import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { formatPasswordLine } from './passwords.ts';
import { HOST, OWN, openBench, pairingOf, type Bench } from './test-bench.ts';

const PROXY = '192.0.2.80';
const PASSWORD = 'correct horse';

let directory: string;
let passwordFile: string;
let bench: Bench;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gleipnir-console-'));
  passwordFile = join(directory, 'passwords');
  await writeFile(passwordFile, (await formatPasswordLine('alice', PASSWORD, { N: 1024, r: 8, p: 1 })) ?? '');
});
afterAll(() => rm(directory, { recursive: true }));
beforeEach(async () => {
  bench = openBench({ passwordFile, trustedProxies: [PROXY], metricsAddresses: ['192.0.2.90'] });
  bench.pairings.set('p-1', pairingOf('p-1'));
  await bench.web.start();
});
afterEach(() => bench.web.stop());

/** What the browser sends from then on. */
async function logIn(): Promise<{ cookie: string }> {
  const response = await bench.post('/login', { user: 'alice', password: PASSWORD });
  expect(response.headers.location).toBe('/');
  return { cookie: String(response.headers['set-cookie']).split(';', 1)[0] ?? '' };
}

describe('without a login', () => {
  it.each(['/', '/clients', '/hosts', '/sessions', '/nope'])(
    '%s leads to the page to log in',
    async (path) => {
      const response = await bench.get(path);
      expect([response.statusCode, response.headers.location]).toEqual([303, '/login']);
    },
  );

  it('tells programs so', async () => {
    for (const path of ['/api/pairings', '/api/clients', '/api/hosts', '/api/sessions', '/console.js']) {
      expect((await bench.get(path)).statusCode, path).toBe(401);
    }
  });

  it('does nothing, whatever the token', async () => {
    await bench.post('/clients/revoke', { id: 'p-1' });
    const [, token = ''] = /name="token" value="([^"]+)"/.exec((await bench.get('/login')).body) ?? [];
    await bench.post('/clients/revoke', { id: 'p-1', token });
    expect(bench.pairings.size).toBe(1);
  });

  it('leaves only the page to log in, its style and /healthz', async () => {
    for (const path of ['/login', '/console.css', '/healthz']) {
      expect((await bench.get(path)).statusCode, path).toBe(200);
    }
  });
});

describe('with a password', () => {
  it('opens everything, and says who it is, until they log out', async () => {
    const browser = { ...OWN, ...(await logIn()) };
    const page = await bench.get('/clients', browser);
    expect(page.statusCode).toBe(200);
    expect(page.body).toContain('<span>alice</span>');
    expect((await bench.get('/login', browser)).headers.location).toBe('/');

    await bench.post('/clients/revoke', { id: 'p-1' }, browser);
    expect(bench.pairings.size).toBe(0);
    expect(bench.logged()).toContain('"user":"alice"');

    const left = await bench.post('/logout', {}, browser);
    expect(String(left.headers['set-cookie'])).toContain('Max-Age=0');
    expect((await bench.get('/clients', browser)).statusCode).toBe(303);
  });

  it('takes forms of this login only', async () => {
    const [one, other] = [
      { ...OWN, ...(await logIn()) },
      { ...OWN, ...(await logIn()) },
    ];
    const [, token = ''] = /name="token" value="([^"]+)"/.exec((await bench.get('/clients', one)).body) ?? [];
    expect((await bench.post('/clients/revoke', { id: 'p-1', token }, other)).statusCode).toBe(403);
    expect(bench.pairings.size).toBe(1);
  });

  it.each([
    { user: 'alice', password: 'wrong' },
    { user: 'mallory', password: PASSWORD },
    { user: 'x'.repeat(65), password: PASSWORD },
    { user: 'alice', password: '' },
  ])('keeps out %j', async (fields) => {
    const response = await bench.post('/login', fields);
    expect(response.headers.location).toBe('/login?message=loginWrong');
    expect(response.headers['set-cookie']).toBeUndefined();
    expect(bench.logged()).not.toContain(PASSWORD);
  });

  it('lets nobody guess for long', async () => {
    for (let tries = 0; tries < 5; tries += 1)
      await bench.post('/login', { user: 'alice', password: 'guess' });
    const response = await bench.post('/login', { user: 'alice', password: PASSWORD });
    expect(response.headers.location).toBe('/login?message=loginLimited');
    expect((await bench.get('/login?message=loginLimited')).body).toContain('Too many tries');
  });

  it('takes no login from another site', async () => {
    const headers = { 'sec-fetch-site': 'cross-site' };
    const response = await bench.post('/login', { user: 'alice', password: PASSWORD }, headers);
    expect(response.statusCode).toBe(403);
  });
});

describe('with an authenticating proxy', () => {
  const named = { host: HOST, 'x-forwarded-user': 'bob' };

  it('takes the word of the proxy, and of nobody else', async () => {
    const page = await bench.get('/clients', named, PROXY);
    expect(page.body).toContain('<span>bob</span>');
    expect(page.body).not.toContain('/logout');
    expect((await bench.get('/clients', named, '192.0.2.81')).statusCode).toBe(303);
    expect((await bench.get('/clients', { host: HOST }, PROXY)).statusCode).toBe(303);
  });

  it('has no page to log in where there are no passwords', async () => {
    const other = openBench({ trustedProxies: [PROXY], userHeader: 'Remote-User' });
    expect((await other.get('/', { host: HOST, 'remote-user': 'bob' }, PROXY)).statusCode).toBe(200);
    expect((await other.get('/', named, PROXY)).statusCode).toBe(401);
    const login = await other.post('/login', { user: 'alice', password: PASSWORD });
    expect(login.headers['set-cookie']).toBeUndefined();
    await other.web.stop();
  });
});

describe('/metrics', () => {
  const read = async (remoteAddress: string, headers: Record<string, string> = {}) =>
    (await bench.get('/metrics', { host: HOST, ...headers }, remoteAddress)).statusCode;

  it('is for this machine, addresses that were named, and whoever is logged in', async () => {
    expect(await read('127.0.0.1')).toBe(200);
    expect(await read('::ffff:192.0.2.90')).toBe(200);
    expect(await read('192.0.2.91')).toBe(401);
    expect(await read('192.0.2.91', await logIn())).toBe(200);
    expect(await read(PROXY, { 'x-forwarded-user': 'bob' })).toBe(200);
  });

  it('is not for strangers behind a proxy on this machine', async () => {
    expect(await read('127.0.0.1', { 'x-forwarded-for': '203.0.113.5' })).toBe(401);
    expect(await read('::1', { via: '1.1 proxy' })).toBe(401);
  });
});
