import decodeQR from 'qr/decode.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Overview } from './overview.ts';
import { renderQr } from './qr.ts';
import { ABOUT, ATTIC, PENDING, flowOf, openBench, pairingOf, sessionOf, type Bench } from './test-bench.ts';

let bench: Bench;
beforeEach(() => {
  bench = openBench();
});
afterEach(() => bench.web.stop());

const overview = async (): Promise<Overview> => (await bench.get('/api/overview')).json<Overview>();

describe('GET /api/overview', () => {
  it('says what runs here, where clients find it, and that nothing needs anybody', async () => {
    expect(await overview()).toEqual({ about: ABOUT, items: [], version: expect.any(String) as string });
    expect((await bench.get()).body).toContain('All is well');
  });

  it('lists what needs a person, and has another version then', async () => {
    const { version } = await overview();
    bench.pending = [PENDING, { ...PENDING, id: 'other', awaitsPin: false }];
    bench.hosts = [ATTIC, { ...ATTIC, name: 'cellar', state: 'down' }];
    bench.pins.set('attic', '4711');
    const sofa = pairingOf('p-1', { clientName: 'Sofa' });
    bench.pairings.set('p-1', sofa);
    bench.sessions.set('s', sessionOf('s', sofa, { isFrozen: true }));
    const now = await overview();
    expect(now.items).toEqual([
      { kind: 'pinOfClient', address: PENDING.address },
      { kind: 'pinOfHost', host: 'attic' },
      { kind: 'hostDown', host: 'cellar' },
      { kind: 'frozen', sessionId: 's', app: 'Test card', client: 'Sofa' },
    ]);
    expect(now.version).not.toBe(version);
    expect(JSON.stringify(now)).not.toContain('4711');
    const { body } = await bench.get();
    expect(body).toContain(`data-live="/api/overview" data-version="${now.version}"`);
    expect(body).toMatch(/cellar<\/strong> does not answer[^]*Test card<\/strong> stands still for Sofa/);
  });
});

describe('the first page', () => {
  it('names the addresses for Moonlight, as text and as a QR code', async () => {
    bench.about = { ...ABOUT, awayAddress: '203.0.113.7:1234' };
    const { body } = await bench.get();
    expect(body).toContain('<code id="address">192.0.2.1</code>');
    expect(body).toMatch(/198\.51\.100\.1[^]*From elsewhere: 203\.0\.113\.7:1234/);
    expect(body).toContain('aria-label="QR code of 192.0.2.1"');
    expect((await bench.get('/pairing')).body).toContain('aria-label="QR code of 192.0.2.1"');
    bench.pending = [PENDING];
    expect((await bench.get('/pairing')).body).not.toContain('QR code');
  });

  it('says who plays, without those who have ended, and what forwards the streams', async () => {
    const pairing = pairingOf('p-1', { clientName: 'Sofa', userReference: { name: 'alice' } });
    bench.pairings.set('p-1', pairing);
    bench.sessions.set('s', sessionOf('s', pairing, {}));
    bench.flows.set('s', flowOf('s'));
    bench.sessions.set('t', sessionOf('t', pairing, { phase: 'Ended', hostName: 'cellar' }));
    const { body } = await bench.get();
    expect(body).toMatch(/Test card[^]*Streaming[^]*Sofa of alice on attic[^]*20\.0 Mbit\/s/);
    expect(body).not.toContain('on cellar');
    expect(body).toMatch(/Gleipnir 1\.2\.3[^]*userspace<\/strong>: configured/);
  });
});

describe('renderQr', () => {
  it.each(['192.0.2.1', '[2001:db8::1]:47990', 'x'.repeat(300)])(
    'draws what a reader reads: %s',
    async (text) => {
      const { text: svg } = await renderQr(text);
      const size = Number(/viewBox="0 0 (\d+)/.exec(svg)?.[1]);
      const scale = 4;
      const data = new Uint8Array(size * scale * size * scale * 4).fill(255);
      for (const [, x, y, length] of svg.matchAll(/M(\d+) (\d+)h(\d+)v1/g)) {
        for (let row = Number(y) * scale; row < (Number(y) + 1) * scale; row += 1) {
          const start = (row * size * scale + Number(x) * scale) * 4;
          data.fill(0, start, start + Number(length) * scale * 4);
        }
      }
      expect(decodeQR({ width: size * scale, height: size * scale, data })).toBe(text);
    },
  );
});
