import { Gauge, Registry } from 'prom-client';
import { afterEach, describe, expect, it } from 'vitest';
import { createHealthServer, type HealthServer } from './health-server.ts';

const started: HealthServer[] = [];
afterEach(async () => {
  await Promise.all(started.splice(0).map((server) => server.stop()));
});

async function start(waitsFor: string[] = [], register = new Registry(), port = 0) {
  const server = createHealthServer({
    bindAddress: '127.0.0.1',
    port,
    health: () => ({ part: 'relay' }),
    hindrances: () => waitsFor,
    register,
  });
  started.push(server);
  return server.start();
}

const get = async (port: number, path: string, method = 'GET') => {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { method });
  return { status: response.status, body: await response.text() };
};

describe('createHealthServer', () => {
  it('says that the process lives', async () => {
    const { status, body } = await get(await start(), '/healthz');
    expect([status, JSON.parse(body)]).toEqual([200, { status: 'ok', part: 'relay' }]);
  });

  it('says whether the part is ready, and what it waits for', async () => {
    const waitsFor: string[] = [];
    const port = await start(waitsFor);
    expect((await get(port, '/readyz')).status).toBe(200);
    waitsFor.push('the session table');
    const { status, body } = await get(port, '/readyz');
    expect([status, JSON.parse(body)]).toEqual([503, { isReady: false, waitsFor: ['the session table'] }]);
  });

  it('shows the metrics, and says so when they cannot be collected', async () => {
    const register = new Registry();
    const gauge = new Gauge({ name: 'some_value', help: 'Some.', registers: [register] });
    gauge.set(7);
    const port = await start([], register);
    expect((await get(port, '/metrics')).body).toContain('some_value 7');
    new Gauge({
      name: 'other_value',
      help: 'Other.',
      registers: [register],
      collect: () => {
        throw new Error('secret');
      },
    });
    const { status, body } = await get(port, '/metrics');
    expect(status).toBe(500);
    expect(body).not.toContain('secret');
  });

  it('has nothing else', async () => {
    const port = await start();
    for (const path of ['/', '/healthz/..', '/metrics?x=1']) expect((await get(port, path)).status).toBe(404);
    expect((await get(port, '/healthz', 'POST')).status).toBe(404);
    expect(await get(port, '/healthz', 'HEAD')).toEqual({ status: 200, body: '' });
  });

  it('says when its port is taken', async () => {
    const port = await start();
    await expect(start([], new Registry(), port)).rejects.toMatchObject({ code: 'PORT_UNAVAILABLE' });
  });
});
