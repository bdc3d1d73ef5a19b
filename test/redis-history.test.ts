/** The history's contract on a real Redis, and what becomes of it while Redis is away. */
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { describeHistory, historyEvent, idsOf } from '../core/history/contract.ts';
import { createRedisHistory, type RedisHistory, type RedisHistoryDeps } from '../core/history/redis.ts';
import type { RedisTable } from '../core/session/redis/table.ts';
import { ADDRESS, REDIS_MISSING, RedisServer } from './support/redis.ts';
import { freshPrefix, RedisTables } from './support/redis-table.ts';

const NOW = Date.parse('2026-02-03T12:00:00Z');
const RETURNS_WITHIN_MS = 4_000;

const tables = new RedisTables();
let server: RedisServer;
/** Of two proxies. */
let one: RedisTable;
let other: RedisTable;
let prefix: string;
let logLines: string[];

const title = REDIS_MISSING === undefined ? '' : ` (${REDIS_MISSING})`;
const keyOf = (day: string): string => `${prefix}:history:${day}`;

function open(options: Partial<RedisHistoryDeps> = {}, { connection }: RedisTable = one): RedisHistory {
  const log = pino({ level: 'info' }, { write: (line) => logLines.push(line) });
  return createRedisHistory({ connection, prefix, now: () => NOW, log, ...options });
}

const messages = (): string[] => logLines.map((line) => (JSON.parse(line) as { msg: string }).msg);

beforeAll(async () => {
  if (REDIS_MISSING === undefined) server = await RedisServer.start();
});
afterAll(() => server.remove());
beforeEach(async () => {
  prefix = freshPrefix();
  logLines = [];
  const env = { REDIS_URL: `redis://${ADDRESS}:${server.port}`, REDIS_PREFIX: prefix };
  [one, other] = await Promise.all([tables.open(env), tables.open(env)]);
});
afterEach(() => tables.stop());

describe.skipIf(REDIS_MISSING !== undefined)(`a history in Redis${title}`, () => {
  describeHistory((options) => open(options));

  it('keeps an event once when two proxies say it at the same time, and shows both the same', async () => {
    const [first, second] = [open({}, one), open({}, other)];
    const ids = Array.from({ length: 50 }, (_, index) => `s/${index}/started`);
    const outcomes = await Promise.all(
      ids.map((id) => Promise.all([first.append(historyEvent(id)), second.append(historyEvent(id))])),
    );
    for (const each of outcomes) expect(each.toSorted()).toEqual(['known', 'stored']);
    expect(await idsOf(first)).toHaveLength(50);
    expect(await idsOf(first)).toEqual(await idsOf(second));
  });

  it('shows what a proxy recorded whose clock is past midnight already', async () => {
    await open().append(historyEvent('early', { at: '2026-02-04T00:00:01.000Z' }));
    expect(await idsOf(open())).toEqual(['early']);
  });

  it('lets Redis forget a day after 31 days', async () => {
    await open().append(historyEvent('a'));
    const seconds = Number(await server.cli('TTL', keyOf('2026-02-03')));
    expect(seconds).toBeGreaterThan(30.9 * 86_400);
    expect(seconds).toBeLessThanOrEqual(31 * 86_400);
  });

  it('leaves out what is no event', async () => {
    await open().append(historyEvent('a'));
    await server.cli(
      'HSET',
      keyOf('2026-02-03'),
      'event b',
      'noise',
      'event c',
      '7 {"id":"c"}',
      'bytes',
      'x',
    );
    expect(await idsOf(open())).toEqual(['a']);
    expect(await open().append(historyEvent('d'))).toBe('stored');
    expect(await idsOf(open())).toEqual(['d', 'a']);
  });

  it('writes what happened while Redis was away, once it is back, and says so once', async () => {
    const history = open();
    await history.append(historyEvent('before'));
    await server.stop();
    const startedAt = performance.now();
    for (let index = 0; index < 5; index += 1)
      expect(await history.append(historyEvent(`meanwhile-${index}`))).toBe('waiting');
    expect(performance.now() - startedAt).toBeLessThan(2_500);
    await expect(idsOf(history)).rejects.toMatchObject({ code: 'TABLE_UNAVAILABLE' });
    await server.start();
    const meanwhile = Array.from({ length: 5 }, (_, index) => `meanwhile-${4 - index}`);
    await expect
      .poll(() => idsOf(history).catch(() => []), { timeout: RETURNS_WITHIN_MS })
      .toEqual(meanwhile);
    expect(await history.append(historyEvent('after'))).toBe('stored');
    expect(messages()).toEqual(['history waits for redis', 'history is written again']);
    await history.stop();
  });

  it('keeps a thousand events waiting, and tells how many it lost', async () => {
    const history = open();
    await server.pause();
    const outcomes: string[] = [];
    for (let index = 0; index < 1_003; index += 1)
      outcomes.push(await history.append(historyEvent(`e-${index}`)));
    expect(outcomes.filter((each) => each === 'waiting')).toHaveLength(1_000);
    expect(outcomes.slice(-3)).toEqual(['dropped', 'dropped', 'dropped']);
    await history.stop();
    expect(logLines.at(-1)).toContain('"lost":1003,"msg":"history events are lost"');
    await server.resume();
  });
});
