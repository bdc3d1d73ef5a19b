import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PairingOutcome } from '../pairing/outcome.ts';
import { OWN, PENDING, openBench, pairingOf, sessionOf, type Bench } from './test-bench.ts';

const { id } = PENDING;

let bench: Bench;
beforeEach(() => {
  bench = openBench();
  bench.pairings.set('p-1', pairingOf('p-1', { clientName: 'Sofa' }));
});
afterEach(() => bench.web.stop());

describe('POST /pin', () => {
  it('enters the PIN and the names, and says how it went', async () => {
    bench.outcome = Promise.resolve('paired');
    const response = await bench.post('/pin', { id, pin: '1234', name: ' Sofa ', person: 'Alice ' });
    expect(bench.entered).toEqual([[id, '1234', { clientName: 'Sofa', userName: 'alice' }]]);
    expect(response.statusCode).toBe(303);
    expect(response.headers.location).toBe('/?message=paired');
    expect((await bench.get('/?message=paired')).body).toMatch(/role="status"[^>]*>Paired\./);
  });

  it('leaves out the names that were not given', async () => {
    await bench.post('/pin', { id, pin: '1234' });
    await bench.post('/pin', { id, pin: '1234', name: ' ', person: '' });
    expect(bench.entered).toEqual([
      [id, '1234', {}],
      [id, '1234', {}],
    ]);
  });

  it.each([
    { name: 'a wrong PIN', result: Promise.resolve<PairingOutcome>('pinWrong'), message: 'pinWrong' },
    {
      name: 'a client that is slow',
      result: new Promise<PairingOutcome>(() => undefined),
      message: 'waiting',
    },
    { name: 'a client that is gone', result: undefined, message: 'pendingGone' },
  ])('tells of $name', async ({ result, message }) => {
    bench.outcome = result;
    const response = await bench.post('/pin', { id, pin: '1234' });
    expect(response.headers.location).toBe(`/?message=${message}`);
    expect((await bench.get(`/?message=${message}`)).body).toContain('role="status" class="notice');
  });

  it.each([
    { pin: '123' },
    { pin: '12345' },
    { pin: 'abcd' },
    { pin: '' },
    { pin: '1234', name: 'x'.repeat(101) },
    { pin: '1234', person: 'x'.repeat(41) },
    { pin: '1234', person: 'alice smith' },
    { pin: '1234', person: '-alice' },
    { pin: '1234', person: '../alice' },
  ])('takes no %o', async (fields) => {
    const response = await bench.post('/pin', { id, ...fields });
    expect(response.headers.location).toBe('/?message=pinInvalid');
    expect(bench.entered).toEqual([]);
  });

  it('logs no PIN', async () => {
    bench.outcome = Promise.resolve('paired');
    await bench.post('/pin', { id, pin: '7391' });
    expect(bench.logged()).not.toContain('7391');
  });
});

describe('any form', () => {
  it.each([
    { name: 'another site', headers: { 'sec-fetch-site': 'cross-site' }, fields: {} },
    { name: 'a foreign name', headers: { host: 'evil.example' }, fields: {} },
    { name: 'a form without token', headers: {}, fields: { token: '' } },
    { name: 'a form of an earlier process', headers: {}, fields: { token: 'x'.repeat(43) } },
  ])('is refused from $name', async ({ headers, fields }) => {
    bench.sessions.set('s', sessionOf('s', pairingOf('p-1')));
    const forms = {
      '/pin': { id, pin: '1234' },
      '/clients/revoke': { id: 'p-1' },
      '/sessions/end': { id: 's' },
    };
    for (const [url, form] of Object.entries(forms)) {
      const response = await bench.post(url, { ...form, ...fields }, headers);
      expect(response.statusCode).toBeGreaterThanOrEqual(400);
    }
    expect([bench.entered.length, bench.pairings.size, bench.sessions.size]).toEqual([0, 1, 1]);
  });

  it('is refused as another kind of body, and when it is large', async () => {
    const json = { method: 'POST', url: '/pin', headers: OWN, payload: { id } } as const;
    expect((await bench.web.app.inject(json)).statusCode).toBe(415);
    expect((await bench.post('/pin', { id, pin: '1234', name: 'x'.repeat(5000) })).statusCode).toBe(413);
    expect(bench.entered).toEqual([]);
  });
});

describe('POST /clients/rename', () => {
  it.each([
    { name: ' Kitchen ', clientName: 'Kitchen' },
    { name: '', clientName: undefined },
  ])('gives the name $name', async ({ name, clientName }) => {
    const response = await bench.post('/clients/rename', { id: 'p-1', name });
    expect(response.headers.location).toBe('/clients?message=renamed');
    const { spec } = bench.pairings.get('p-1') ?? pairingOf('gone');
    expect(spec.clientName).toBe(clientName);
    expect(spec).toMatchObject({ fingerprint: 'ef'.repeat(32), userReference: { name: 'p-1' } });
  });

  it.each([
    { fields: { id: 'p-1', name: 'x'.repeat(101) }, message: 'nameInvalid' },
    { fields: { id: 'p-2', name: 'Kitchen' }, message: 'clientGone' },
  ])('tells of $message', async ({ fields, message }) => {
    const response = await bench.post('/clients/rename', fields);
    expect(response.headers.location).toBe(`/clients?message=${message}`);
    expect(bench.pairings.get('p-1')?.spec.clientName).toBe('Sofa');
  });
});

describe('POST /clients/revoke', () => {
  it('deletes the pairing', async () => {
    const response = await bench.post('/clients/revoke', { id: 'p-1' });
    expect(response.headers.location).toBe('/clients?message=revoked');
    expect(bench.pairings.size).toBe(0);
  });
});

describe('POST /sessions/end', () => {
  it('deletes the session', async () => {
    bench.sessions.set('s', sessionOf('s', pairingOf('p-1')));
    const response = await bench.post('/sessions/end', { id: 's' });
    expect(response.headers.location).toBe('/sessions?message=ended');
    expect(bench.sessions.size).toBe(0);
  });
});
