import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { HistoryEvent } from '../../core/history/event.ts';
import { GleipnirError } from '../../core/runtime/errors.ts';
import { PAGE_EVENTS } from './history-routes.ts';
import { openBench, type Bench } from './test-bench.ts';

const quality = {
  streamedS: 600,
  bitrateBps: 20e6,
  jitterMs: 0.5,
  rttMs: 12,
  videoLost: 1,
  videoDatagrams: 99,
  fecReports: 2,
};
const ENDED: HistoryEvent = {
  id: 's/ended',
  at: '2026-02-03T05:05:00Z',
  kind: 'ended',
  sessionId: 's',
  person: 'alice',
  client: 'Sofa',
  app: 'Test card',
  host: 'attic',
  reason: 'The game was quit',
  since: '2026-02-03T04:00:00Z',
  quality,
};
const LONER: HistoryEvent = { id: 'x', at: '2026-02-03T04:00:00Z', kind: 'paired', client: 'Phone' };

let bench: Bench;
beforeEach(() => {
  bench = openBench();
  bench.events.push(LONER, ENDED);
});
afterEach(() => bench.web.stop());

describe('GET /history', () => {
  it('tells what happened, newest first, and how a session was', async () => {
    const { body } = await bench.get('/history');
    expect(body).toMatch(
      /Ended[^]*Test card<\/strong> on attic for Sofa of alice after 1 h 5 min\.[^]*The game was quit[^]*Paired/,
    );
    expect(body).toContain('20.0 Mbit/s, 1.0 % lost, jitter 0.5 ms, RTT 12 ms, 2 FEC reports');
  });

  it.each([
    { person: 'Alice', found: 'Sofa', not: 'Phone' },
    { person: 'phone', found: 'Phone', not: 'Sofa' },
  ])('shows one person: $person', async ({ person, found, not }) => {
    const { body } = await bench.get(`/history?person=${person}`);
    expect(body).toContain(found);
    expect(body).not.toContain(not);
    expect(body).toContain(`href="/history.csv?person=${person}"`);
  });

  it('goes page by page', async () => {
    for (let index = 0; index < PAGE_EVENTS; index += 1)
      bench.events.push({ ...LONER, client: `No ${index}` });
    const first = await bench.get('/history?person=');
    expect(first.body).toContain('href="/history?page=2"');
    expect(first.body).not.toContain('rel="prev"');
    const second = await bench.get('/history?page=2');
    expect(second.body.match(/<time/g)).toHaveLength(2);
    expect(second.body).not.toContain('rel="next"');
  });

  it.each(['page=0', 'page=x', 'page=1&page=2', `person=${'x'.repeat(101)}`, 'person=a&person=b'])(
    'makes do with %s',
    async (query) => {
      expect((await bench.get(`/history?${query}`)).statusCode).toBe(200);
    },
  );
});

describe('the history while Redis is away', () => {
  it('says so in words, on the page and to programs', async () => {
    bench.historyFailure = new GleipnirError(
      'TABLE_UNAVAILABLE',
      'The session table does not answer right now',
    );
    const page = await bench.get('/history');
    expect(page.statusCode).toBe(503);
    expect(page.body).toContain('The history cannot be read right now: Redis does not answer.');
    expect(page.body).not.toContain('Nothing happened');
    for (const path of ['/api/history', '/history.csv']) {
      const { statusCode, body } = await bench.get(path);
      expect([statusCode, body]).toEqual([503, 'The session table does not answer right now']);
    }
  });

  it('says no more than that something went wrong of any other failure', async () => {
    bench.historyFailure = new Error('secret');
    const { statusCode, body } = await bench.get('/history');
    expect(statusCode).toBe(500);
    expect(body).not.toContain('secret');
  });
});

describe('the history to take along', () => {
  it('is JSON, of everybody or of one person', async () => {
    expect((await bench.get('/api/history')).json()).toEqual({ items: [ENDED, LONER] });
    expect((await bench.get('/api/history?person=alice')).json()).toEqual({ items: [ENDED] });
    expect((await bench.get('/api/history?person=nobody')).json()).toEqual({ items: [] });
  });

  it('is CSV, as a file', async () => {
    const { headers, body } = await bench.get('/history.csv');
    expect(headers).toMatchObject({
      'content-type': 'text/csv; charset=utf-8',
      'content-disposition': 'attachment; filename="gleipnir-history.csv"',
    });
    expect(body.split('\r\n')).toEqual([
      'at,kind,person,client,app,host,address,reason,since,sessionId,streamedS,bitrateBps,jitterMs,rttMs,videoLost,videoDatagrams,fecReports',
      '2026-02-03T05:05:00Z,ended,alice,Sofa,Test card,attic,,The game was quit,2026-02-03T04:00:00Z,s,600,20000000,0.5,12,1,99,2',
      '2026-02-03T04:00:00Z,paired,,Phone,,,,,,,,,,,,,',
      '',
    ]);
  });

  it.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1'])(
    'makes no formula of a name: %j',
    async (client) => {
      bench.events.splice(0, 2, { ...LONER, client });
      const { body } = await bench.get('/history.csv');
      const [, cell] = /paired,,("?.)/.exec(body) ?? [];
      expect(cell?.at(-1)).toBe("'");
    },
  );

  it('keeps a name in its cell, whatever is in it', async () => {
    bench.events.splice(0, 2, { ...LONER, client: 'a,"b"\n=c' });
    expect((await bench.get('/history.csv')).body).toContain(',"a,""b""\n=c",');
  });

  it('is for those who may see the console', async () => {
    for (const path of ['/history', '/history.csv', '/api/history', '/api/samples', '/art/7'])
      expect((await bench.get(path, { host: 'evil.example' })).statusCode).toBe(421);
  });
});
