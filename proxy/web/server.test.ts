import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Gauge } from 'prom-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CONNECTION_LIMITS } from './server.ts';
import {
  ABOUT,
  ATTIC,
  HOST,
  OWN,
  PENDING,
  flowOf,
  openBench,
  pairingOf,
  sessionOf,
  type Bench,
} from './test-bench.ts';

const LIVE_PATHS = ['/', '/pairing', '/clients', '/hosts', '/sessions'];
const PATHS = [...LIVE_PATHS, '/history'];

let bench: Bench;
beforeEach(() => {
  bench = openBench();
});
afterEach(() => bench.web.stop());

describe('every page', () => {
  it.each(PATHS)('%s says where it is, and carries its language, script and style', async (path) => {
    const { body, headers } = await bench.get(path);
    expect(headers['content-type']).toBe('text/html; charset=utf-8');
    expect(body).toContain('<html lang="en">');
    expect(body).toContain(`href="${path}" aria-current="page"`);
    expect(body.match(/aria-current/g)).toHaveLength(1);
    expect(body).toContain('src="/console.js"');
  });

  it.each(LIVE_PATHS)('%s keeps itself up to date', async (path) => {
    expect((await bench.get(path)).body).toMatch(/data-live="\/api\/[a-z]+" data-version="[0-9a-f]{16}"/);
  });

  it('escapes whatever it did not write itself', async () => {
    const evil = `"><script>alert('1')</script>`;
    const pairing = pairingOf('p', { clientName: evil, userReference: { name: evil } });
    bench.pending.push({ ...PENDING, address: evil });
    bench.pairings.set('p', pairing);
    bench.sessions.set('s', sessionOf('s', pairing, { hostName: evil, message: evil }));
    bench.hosts = [{ ...ATTIC, name: evil, apps: [evil], labels: { [evil]: evil } }];
    bench.pins.set(evil, evil);
    bench.apps = [{ id: 7, title: evil, isHdrSupported: false }];
    bench.about = { ...ABOUT, addresses: [evil], datapath: { engine: evil, reason: evil } };
    const names = { person: evil, client: evil, app: evil, host: evil, reason: evil, address: evil };
    bench.events.push({ id: 'x', at: '2026-02-03T04:05:06Z', kind: 'ended', ...names });
    for (const path of PATHS) {
      const query = `message=${encodeURIComponent(evil)}&person=${encodeURIComponent(evil)}`;
      const { body } = await bench.get(`${path}?${query}`);
      expect(body, path).not.toContain('<script>');
      expect(body, path).not.toContain(`'1'`);
      expect(body, path).toContain('&lt;Wolf &amp; &quot;Co&quot;&gt;');
    }
  });

  it('allows its own script and style and nothing else', async () => {
    const { headers } = await bench.get();
    const policy = String(headers['content-security-policy']).split('; ');
    expect(policy).toEqual(
      expect.arrayContaining(["default-src 'none'", "script-src 'self'", "style-src 'self'"]),
    );
    expect(policy.join()).not.toContain('unsafe');
    expect(headers).toMatchObject({ 'x-frame-options': 'DENY', 'cache-control': 'no-store' });
    expect((await bench.get('/console.js')).headers['content-type']).toMatch(/^text\/javascript/);
    expect((await bench.get('/console.css')).headers['content-type']).toMatch(/^text\/css/);
  });

  it('answers no foreign name, and has no other pages', async () => {
    bench.pins.set('attic', '4711');
    for (const host of ['evil.example', 'localhost.evil.example', '192.0.2.1']) {
      for (const path of [...PATHS, '/api/hosts', '/metrics']) {
        const response = await bench.get(path, { host });
        expect(response.statusCode).toBe(421);
        expect(response.body).not.toContain('4711');
      }
    }
    for (const path of ['/nope', '/pin', '/api']) expect((await bench.get(path)).statusCode).toBe(404);
  });

  it('answers the names it was told', async () => {
    const named = openBench({ hostNames: ['Games.example'] });
    expect((await named.get('/', { host: 'games.example' })).statusCode).toBe(200);
    await named.web.stop();
  });
});

describe.each(['/', '/pairing'])('the forms for PINs at %s', (path) => {
  it('shows who asks, from where and since when, with labelled fields', async () => {
    bench.pending.push(PENDING);
    const { body } = await bench.get(path);
    expect(body).toContain('192.0.2.9');
    expect(body).toContain('<time datetime="2026-02-03T04:05:06.000Z">');
    expect(body).toContain('42 s ago');
    expect(body).toContain('ab12 cd34 ab12 cd34');
    for (const field of ['pin', 'name', 'person'])
      expect(body).toContain(`<label for="${field}-${PENDING.id}">`);
    expect(body.match(/autofocus/g)).toHaveLength(1);
    expect(body).toContain('<title>PIN wanted');
  });

  it('offers the persons there are, each once', async () => {
    for (const name of ['p-1', 'p-2'])
      bench.pairings.set(name, pairingOf(name, { userReference: { name: 'alice' } }));
    bench.pairings.set('p-3', pairingOf('p-3'));
    expect((await bench.get(path)).body.match(/<option[^>]*>/g)).toEqual(['<option value="alice">']);
  });

  it('reloads by itself, without scripts, only while nobody types', async () => {
    expect((await bench.get(path)).body).toContain('<noscript><meta http-equiv="refresh"');
    bench.pending = [{ ...PENDING, awaitsPin: false }];
    expect((await bench.get(path)).body).toContain('http-equiv="refresh"');
    bench.pending = [PENDING];
    expect((await bench.get(path)).body).not.toContain('http-equiv="refresh"');
  });

  it('shows the PINs that hosts wait for', async () => {
    bench.pins.set('attic', '4711');
    expect((await bench.get(path)).body).toMatch(/>4711<\/strong> at the machine <strong>attic</);
  });
});

describe('the other pages', () => {
  it('show clients with their person, certificate and game', async () => {
    bench.pairings.set(
      'p-1',
      pairingOf('p-1', { clientName: 'Living room', userReference: { name: 'alice' } }),
    );
    bench.pairings.set('p-2', pairingOf('p-2'));
    bench.sessions.set('s', sessionOf('s', pairingOf('p-1'), {}));
    const { body } = await bench.get('/clients');
    expect(body).toMatch(/Living room[^]*alice[^]*Test card[^]*Unnamed client/);
    expect(body).toContain('efef efef efef efef');
  });

  it('show hosts with their state, places, apps and PIN', async () => {
    const away = { apps: [], labels: {} };
    bench.hosts = [
      ATTIC,
      { ...ATTIC, ...away, name: 'cellar', state: 'unpaired' },
      { ...ATTIC, ...away, name: 'loft', state: 'down', problem: 'no answer' },
    ];
    bench.pins.set('cellar', '4711');
    const { body } = await bench.get('/hosts');
    expect(body).toMatch(/attic[^]*Up[^]*192\.0\.2\.5[^]*1 of 4[^]*Doom[^]*Test card[^]*room: attic/);
    expect(body).toMatch(/cellar[^]*Not paired[^]*4711[^]*loft[^]*Down[^]*No answer\./);
  });

  it('show what is wrong with what a host says', async () => {
    bench.hosts = [{ ...ATTIC, notices: ['2 apps left out: no title', 'No list of apps: <b>'] }];
    const { body } = await bench.get('/hosts');
    expect(body).toMatch(/attic[^]*2 apps left out: no title[^]*No list of apps: &lt;b&gt;/);
  });

  it('show sessions with their figures, by name for those who hear the page', async () => {
    const pairing = pairingOf('p-1', { clientName: 'Sofa', userReference: { name: 'alice' } });
    bench.pairings.set('p-1', pairing);
    bench.sessions.set('s', sessionOf('s', pairing, { isFrozen: true }));
    bench.flows.set('s', flowOf('s'));
    const { body } = await bench.get('/sessions');
    expect(body).toMatch(/Test card[^]*Streaming[^]*Frozen[^]*Sofa of alice[^]*attic/);
    expect(body).toMatch(/20\.0 Mbit\/s[^]*0\.5 %[^]*0\.4 ms[^]*12 ms/);
    expect(body).toContain('End<span class="unseen"> Test card of Sofa</span>');
  });

  it('say so when there is nothing', async () => {
    bench.hosts = [];
    expect((await bench.get('/sessions')).body).toContain('Nobody plays');
    expect((await bench.get('/clients')).body).toContain('None yet');
    expect((await bench.get('/hosts')).body).toContain('hosts.yaml');
  });
});

describe('/healthz and /metrics', () => {
  it('answers /healthz under any name', async () => {
    const { statusCode, body } = await bench.get('/healthz', { host: 'gleipnir.svc' });
    expect([statusCode, JSON.parse(body)]).toEqual([200, { status: 'ok', part: 'well' }]);
  });

  it('shows the metrics of the process', async () => {
    new Gauge({ name: 'gleipnir_test_ratio', help: 'x', registers: [bench.register] }).set(0.5);
    const { headers, body } = await bench.get('/metrics');
    expect(headers['content-type']).toMatch(/^text\/plain; version=/);
    expect(body).toContain('gleipnir_test_ratio 0.5\n');
  });
});

describe('createWebServer', () => {
  const listening = async (config: { bindAddress: string; port: number }) => {
    const other = openBench(config);
    try {
      return await other.web.start();
    } finally {
      await other.web.stop();
    }
  };

  it('listens, and says which port it cannot have', async () => {
    const port = await bench.web.start();
    const response = await fetch(`http://127.0.0.1:${port}/`);
    expect(response.status).toBe(200);
    await expect(listening({ bindAddress: '127.0.0.1', port })).rejects.toMatchObject({
      code: 'PORT_UNAVAILABLE',
      details: { port },
    });
  });

  it('holds so many connections of one source, and takes new ones when those are gone', async () => {
    const port = await bench.web.start();
    const open = async (): Promise<Socket> => {
      const socket = connect(port, '127.0.0.1');
      await once(socket, 'connect');
      return socket;
    };
    const held = await Promise.all(Array.from({ length: CONNECTION_LIMITS.perSourceMax }, open));
    await once(await open(), 'close');
    for (const socket of held) socket.destroy();
    const answers = async () =>
      (await fetch(`http://127.0.0.1:${port}/healthz`).catch(() => undefined))?.status;
    await expect.poll(answers).toBe(200);
  });

  it('refuses to open to strangers', () => {
    expect(() => openBench({ bindAddress: '0.0.0.0' })).toThrow(/password file/);
  });

  it('hides what went wrong from the page, not from the log', async () => {
    bench.web.app.get('/broken', () => {
      throw new Error('a secret path');
    });
    const { statusCode, body } = await bench.get('/broken', { ...OWN, host: HOST });
    expect(statusCode).toBe(500);
    expect(body).not.toContain('secret');
    expect(bench.logged()).toContain('a secret path');
  });
});
