import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openBench, type Bench } from './test-bench.ts';

const PNG = Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 1, 2, 3]);

let bench: Bench;
beforeEach(() => {
  bench = openBench();
});
afterEach(() => bench.web.stop());

describe('GET /art', () => {
  it('passes on what is a picture, kept by the browser for a while', async () => {
    bench.art.set(7, PNG);
    const { headers, rawPayload } = await bench.get('/art/7');
    expect(headers).toMatchObject({
      'content-type': 'image/png',
      'cache-control': 'private, max-age=3600',
      'x-content-type-options': 'nosniff',
    });
    expect(rawPayload).toEqual(Buffer.from(PNG));
  });

  it.each([
    { name: 'HTML', bytes: Buffer.from('<script>alert(1)</script>') },
    { name: 'SVG', bytes: Buffer.from('<svg onload="alert(1)"/>') },
    { name: 'nothing', bytes: new Uint8Array() },
  ])('draws a plain picture instead of $name', async ({ bytes }) => {
    bench.art.set(7, bytes);
    const { headers, body } = await bench.get('/art/7');
    expect(headers['content-type']).toBe('image/svg+xml');
    expect(body).toMatch(/>\s*T\s*</);
    expect(body).not.toContain('alert');
  });

  it('draws one for an app that is not there (any more), and escapes its letter', async () => {
    expect((await bench.get('/art/8')).body).toMatch(/>\s*\?\s*</);
    bench.apps = [{ id: 9, title: '<b>', isHdrSupported: false }];
    expect((await bench.get('/art/9')).body).toMatch(/>\s*&lt;\s*</);
  });

  it.each(['/art/0', '/art/-1', '/art/x', '/art/1.5', '/art/'])('has nothing at %s', async (path) => {
    expect((await bench.get(path)).statusCode).toBe(404);
  });
});

describe('the apps of a host', () => {
  it('are shown with art, so many of them, and named all', async () => {
    const titles = Array.from({ length: 1_000 }, (_, index) => `App ${index}`);
    bench.apps = titles.map((title, index) => ({ id: index + 1, title, isHdrSupported: false }));
    bench.hosts = bench.hosts.map((host) => ({ ...host, apps: titles }));
    const { body } = await bench.get('/hosts');
    expect(body.match(/<img/g)).toHaveLength(24);
    expect(body).toContain('App 999');
  });
});
