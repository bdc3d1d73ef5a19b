/** What the session table makes of a Redis that goes away, comes back empty or older, or says things that it should not. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sessionRow } from '../core/session/contract.ts';
import { TableFollower } from '../core/session/follow.ts';
import type { RedisTable, RedisTableDeps } from '../core/session/redis/table.ts';
import type { TableChange } from '../core/session/table.ts';
import { ADDRESS, REDIS_MISSING, RedisServer } from './support/redis.ts';
import { freshPrefix, RedisTables } from './support/redis-table.ts';

/** What a failing command may take, and a return to work. */
const FAILS_WITHIN_MS = 3_000;
const RETURNS_WITHIN_MS = 2_000;
const IDS = Array.from({ length: 20 }, (_, index) => `s${index}`);

const tables = new RedisTables();
let server: RedisServer;
let prefix: string;

beforeAll(async () => {
  if (REDIS_MISSING === undefined) server = await RedisServer.start();
});
afterAll(() => server.remove());
beforeEach(() => {
  prefix = freshPrefix();
});
afterEach(() => tables.stop());

const open = (deps: Partial<RedisTableDeps> = {}): Promise<RedisTable> =>
  tables.open({ REDIS_URL: `redis://${ADDRESS}:${server.port}`, REDIS_PREFIX: prefix }, deps);

/** A follower of the sessions, and everything it was told. */
async function follow({
  reader,
}: RedisTable): Promise<{ follower: TableFollower<'session'>; told: string[] }> {
  const follower = new TableFollower({ reader, kinds: ['session'], onError: () => undefined });
  await follower.start();
  // Rows that were announced while it listed come a little later.
  await expect.poll(() => [...follower.all('session')].length).toBe(await rowsInRedis());
  const told: string[] = [];
  follower.onChange(({ id }) => {
    const row = follower.get('session', id);
    told.push(`${id} ${row === undefined ? 'gone' : `${row.state} ${row.generation}`}`);
  });
  return { follower, told };
}

async function putSessions({ writer }: RedisTable): Promise<void> {
  await Promise.all(IDS.map((id) => writer('session').put(sessionRow({ id, state: 'ready' }))));
}

async function rowsInRedis(): Promise<number> {
  const index = await server.cli('ZCARD', `${prefix}:index:session`);
  const keys = (await server.cli('KEYS', `${prefix}:session:*`)).split('\n').filter(Boolean);
  return Number(index) === keys.length ? keys.length : -1;
}

const title = REDIS_MISSING === undefined ? '' : ` (${REDIS_MISSING})`;
const describeFaults = (name: string, body: () => void): void => {
  describe.skipIf(REDIS_MISSING !== undefined)(name + title, body);
};

describeFaults('a Redis that is away', () => {
  afterEach(async () => {
    await server.stop();
    await server.start();
  });

  it.each([
    ['was killed', () => server.stop(), () => server.start()],
    ['hangs', () => server.pause(), () => server.resume()],
  ])(
    'fails in bounded time where it %s, and all is as before within 2 s of its return',
    async (_how, away, back) => {
      const [writing, reading] = await Promise.all([open(), open()]);
      await putSessions(writing);
      const { follower, told } = await follow(reading);
      await away();

      const since = performance.now();
      const failed = await Promise.allSettled([
        writing.writer('session').put(sessionRow()),
        writing.writer('session').remove('s1'),
        reading.reader.get('session', 's1'),
        reading.reader.list('session'),
        reading.claims.take('gate', 'one', 1_000),
        ...Array.from({ length: 1_000 }, () => reading.reader.get('session', 's1')),
      ]);
      expect(performance.now() - since).toBeLessThan(FAILS_WITHIN_MS);
      for (const { reason } of failed as PromiseRejectedResult[])
        expect(reason).toMatchObject({ code: 'TABLE_UNAVAILABLE' });
      await expect.poll(() => reading.stats.isFollowed, { timeout: 5_000 }).toBe(false);
      expect([...follower.all('session')]).toHaveLength(IDS.length);

      await back();
      const returnedAt = performance.now();
      const put = (): Promise<string> =>
        writing
          .writer('session')
          .put(sessionRow({ id: 'new' }))
          .catch(() => 'away');
      await expect.poll(put, { timeout: 10_000, interval: 20 }).toBe('stored');
      await expect
        .poll(() => follower.get('session', 'new'), { timeout: 10_000, interval: 20 })
        .toBeDefined();
      await expect.poll(rowsInRedis, { timeout: 10_000 }).toBe(IDS.length + 1);
      console.log(`redis that ${_how}: back after ${Math.round(performance.now() - returnedAt)} ms`);
      expect(performance.now() - returnedAt).toBeLessThan(RETURNS_WITHIN_MS);
      expect(told.filter((line) => line.endsWith('gone'))).toEqual([]);
    },
  );

  it('is waited for at the start', async () => {
    await server.stop();
    const table = await tables.begin({
      REDIS_URL: `redis://${ADDRESS}:${server.port}`,
      REDIS_PREFIX: prefix,
    });
    const started = table.start();
    await expect(table.reader.list('session')).rejects.toMatchObject({ code: 'TABLE_UNAVAILABLE' });
    await server.start();
    await started;
    expect(await table.reader.list('session')).toEqual([]);
  });
});

describeFaults('a Redis that was emptied', () => {
  it('gets every row back within 2 s, and nobody hears of an end', async () => {
    const [writing, reading] = await Promise.all([open(), open()]);
    await putSessions(writing);
    const { follower, told } = await follow(reading);
    const since = performance.now();
    await server.cli('FLUSHALL');
    // A read in between waits rather than say that the row is over.
    expect(await reading.reader.get('session', 's1')).toMatchObject({ id: 's1', state: 'ready' });
    expect(await reading.reader.list('session')).toHaveLength(IDS.length);
    await expect.poll(rowsInRedis, { timeout: 5_000 }).toBe(IDS.length);
    console.log(`emptied: ${IDS.length} rows back after ${Math.round(performance.now() - since)} ms`);
    expect(performance.now() - since).toBeLessThan(RETURNS_WITHIN_MS);
    expect(told).toEqual([]);
    expect([...follower.all('session')]).toHaveLength(IDS.length);
    expect(writing.stats.restored).toBe(IDS.length);
  });

  it('does not get back what is removed before it is noticed', async () => {
    const [one, other] = await Promise.all([open(), open()]);
    await putSessions(one);
    const { follower, told } = await follow(other);
    await server.cli('FLUSHALL');
    await other.writer('session').remove('s3');
    await expect.poll(rowsInRedis, { timeout: 5_000 }).toBe(IDS.length - 1);
    expect(told).toEqual(['s3 gone']);
    expect(follower.get('session', 's3')).toBeUndefined();
    expect(await one.reader.get('session', 's3')).toBeUndefined();
  });

  it('gets the newest state back of a row that changed hands', async () => {
    const [former, next] = await Promise.all([open(), open()]);
    await former.writer('session').put(sessionRow({ state: 'ready' }));
    await next.writer('session').put(sessionRow({ state: 'streaming' }));
    await former.writer('session').put(sessionRow({ id: 's2', generation: 1 }));
    await next.writer('session').put(sessionRow({ id: 's2', generation: 2 }));
    const { told } = await follow(next);
    await server.cli('FLUSHALL');
    await expect.poll(rowsInRedis, { timeout: 5_000 }).toBe(2);
    expect(await next.reader.get('session', 's1')).toMatchObject({ state: 'streaming' });
    expect(await next.reader.get('session', 's2')).toMatchObject({ generation: 2 });
    expect(told).toEqual([]);
    expect(former.stats.restored).toBe(0);
  });

  it('gets nothing back from a process that may not write any more', async () => {
    let hasLease = true;
    const writing = await open({ mayKeep: () => hasLease, refreshMs: 200 });
    const reading = await open({ refreshMs: 200 });
    await putSessions(writing);
    const { told } = await follow(reading);
    hasLease = false;
    await server.cli('FLUSHALL');
    // Without a writer that puts it back, what is lost is over at last.
    await expect.poll(() => told.length, { timeout: 10_000 }).toBe(IDS.length);
    expect(told.every((line) => line.endsWith('gone'))).toBe(true);
    expect(writing.stats.restored).toBe(0);
    expect(await reading.reader.list('session')).toEqual([]);
  });
});

describeFaults('two writers across a change of leader', () => {
  const refreshMs = 100;

  it('leave the newer generation, and each other’s removals', async () => {
    const [former, next] = await Promise.all([open({ refreshMs }), open({ refreshMs })]);
    await former.writer('session').put(sessionRow({ id: 's1', generation: 1 }));
    await former.writer('session').put(sessionRow({ id: 's2', generation: 1 }));
    await next.writer('session').put(sessionRow({ id: 's1', generation: 2 }));
    await next.writer('session').remove('s2');
    expect(await former.writer('session').put(sessionRow({ id: 's1', generation: 1, state: 'ended' }))).toBe(
      'stale',
    );
    const commands = former.stats.commands;
    // Several rounds of refreshing later.
    await expect.poll(() => former.stats.commands, { timeout: 10_000 }).toBeGreaterThan(commands + 20);
    expect(await next.reader.get('session', 's1')).toMatchObject({ generation: 2, state: 'pending' });
    expect(await former.reader.get('session', 's2')).toBeUndefined();
    expect(former.stats.restored + next.stats.restored).toBe(0);
  });
});

describeFaults('a change stream with gaps', () => {
  async function watch({ reader }: RedisTable): Promise<TableChange[]> {
    const seen: TableChange[] = [];
    reader.watch((change) => seen.push(change));
    await Promise.resolve();
    return seen;
  }

  it('goes on where it was after its connection was cut, without repeating anything', async () => {
    const [writing, reading] = await Promise.all([open(), open({ name: 'cut' })]);
    const seen = await watch(reading);
    await writing.writer('session').put(sessionRow());
    await expect.poll(() => seen.length).toBe(1);
    const client = (await server.cli('CLIENT', 'LIST'))
      .split('\n')
      .find((line) => line.includes('name=cut-changes '));
    await server.cli('CLIENT', 'KILL', 'ID', /id=(\d+)/.exec(client ?? '')?.[1] ?? '');
    await putSessions(writing);
    await expect.poll(() => seen.length, { timeout: 5_000 }).toBe(1 + IDS.length);
    expect(seen.slice(1).map(({ id }) => id)).toEqual(IDS);
    expect(reading.stats.gaps).toBe(0);
  });

  it('finds by comparing what was trimmed away: rows that are new, changed and removed', async () => {
    const writing = await open({ changesMax: 100 });
    const reading = await open({ changesMax: 100, name: 'trimmed' });
    await putSessions(writing);
    await writing.writer('session').put(sessionRow({ id: 'same' }));
    // This one it put itself, and must not put back.
    await reading.writer('session').put(sessionRow({ id: 's1' }));
    const { follower, told } = await follow(reading);
    // It loses its connection again and again while more is written than the stream keeps.
    const killed = cutWhileWriting();
    for (let round = 1; round <= 40; round += 1) {
      await Promise.all(
        IDS.map((id) => writing.writer('session').put(sessionRow({ id, state: 'streaming' }))),
      );
    }
    await writing.writer('session').remove('s1');
    await writing.writer('session').put(sessionRow({ id: 'new' }));
    for (let round = 1; round <= 300; round += 1) {
      await writing.writer('stream').put({ id: 's2', generation: round, isPlaying: true });
    }
    killed.stop();
    await killed.done;
    await expect.poll(() => follower.get('session', 'new'), { timeout: 5_000 }).toBeDefined();
    await expect.poll(() => follower.get('session', 's1')).toBeUndefined();
    await expect.poll(() => follower.get('session', 's2')?.state).toBe('streaming');
    expect(told.filter((line) => line.startsWith('same'))).toEqual([]);
    expect(told.filter((line) => line.endsWith('gone'))).toEqual(['s1 gone']);
    expect(reading.stats.gaps).toBeGreaterThan(0);
    expect(await rowsInRedis()).toBe(IDS.length + 1);
  });

  /** Cuts the connections that follow as `trimmed`, again and again. */
  function cutWhileWriting(): { stop: () => void; done: Promise<void> } {
    let isStopped = false;
    const cut = async (): Promise<void> => {
      while (!isStopped) {
        const clients = (await server.cli('CLIENT', 'LIST')).split('\n');
        for (const client of clients.filter((line) => line.includes('name=trimmed-changes '))) {
          await server.cli('CLIENT', 'KILL', 'ID', /id=(\d+)/.exec(client)?.[1] ?? '');
        }
      }
    };
    return {
      stop: () => {
        isStopped = true;
      },
      done: cut(),
    };
  }
});

describeFaults('a Redis that comes back as it was before', () => {
  it('gets back what it had forgotten, and nobody sees the older state', async () => {
    const [writing, reading] = await Promise.all([open(), open()]);
    const { writer } = writing;
    await writer('session').put(sessionRow({ id: 's1', state: 'ready' }));
    await server.cli('SAVE');
    await writer('session').put(sessionRow({ id: 's1', state: 'streaming' }));
    await writer('session').put(sessionRow({ id: 's2', generation: 2 }));
    await expect.poll(async () => (await reading.reader.list('session')).length).toBe(2);
    const { told } = await follow(reading);
    const seen: string[] = [];
    reading.reader.watch(({ id }) => {
      void reading.reader.get('session', id).then((row) => seen.push(row?.state ?? 'gone'));
    });
    await server.stop();
    await server.start();
    await expect.poll(() => writing.stats.restored, { timeout: 5_000 }).toBe(2);
    await expect.poll(async () => (await reading.reader.get('session', 's1'))?.state).toBe('streaming');
    expect(await reading.reader.get('session', 's2')).toMatchObject({ generation: 2 });
    expect(told).toEqual([]);
    expect(seen).not.toContain('ready');
    await server.cli('CONFIG', 'SET', 'dbfilename', 'other.rdb');
  });
});

describeFaults('rows whose writer is gone', () => {
  /** Rows live for 4.5 s. */
  const refreshMs = 50;

  it('are kept by another writer of their kind while their session stands', async () => {
    const former = await open({ refreshMs });
    await former.writer('session').put(sessionRow());
    await former.writer('stream').put({ id: 's1', generation: 1, isPlaying: true });
    await former.writer('stream').put({ id: 'other', generation: 1, isPlaying: true });
    const next = await open({ refreshMs });
    next.writer('session');
    next.writer('stream');
    await former.stop();
    await expect.poll(() => next.stats.adopted, { timeout: 5_000 }).toBe(2);
    const gone: string[] = [];
    next.reader.watch(({ id }) => gone.push(id));
    await expect.poll(() => gone, { timeout: 10_000 }).toEqual(['other']);
    expect(await next.reader.get('session', 's1')).toBeDefined();
    expect(await next.reader.get('stream', 's1')).toBeDefined();
    expect(await next.reader.get('stream', 'other')).toBeUndefined();
    await server.cli('FLUSHALL');
    await expect.poll(() => next.stats.restored, { timeout: 5_000 }).toBe(2);
  });
});

describeFaults('what is no row', () => {
  it.each([
    ['not JSON', '{"version":"9999999999999-0","generation":1,"row":{"id":"s1", "rikey": secret}'],
    ['no row of its kind', '{"version":"9999999999999-0","generation":1,"row":{"id":"s1","rikey":"secret"}}'],
    ['nothing that was put by a script', 'secret'],
  ])('is an error that names its key, and quotes nothing: %s', async (_name, text) => {
    const table = await open();
    const errors: unknown[] = [];
    const follower = new TableFollower({
      reader: table.reader,
      kinds: ['session'],
      onError: (error) => errors.push(error),
    });
    await table.writer('session').put(sessionRow({ id: 's2' }));
    await table.writer('session').put(sessionRow({ id: 's1' }));
    await follower.start();
    await server.cli('SET', `${prefix}:session:s1`, text);
    await server.cli('XADD', `${prefix}:changes`, '*', 'op', 'put', 'kind', 'session', 'id', 's1');
    const corrupt = { code: 'SESSION_TABLE_CORRUPT', details: { key: `${prefix}:session:s1` } };
    await expect.poll(() => errors[0], { timeout: 5_000 }).toMatchObject(corrupt);
    expect(JSON.stringify(errors)).not.toContain('secret');
    expect(follower.get('session', 's1')).toEqual(sessionRow({ id: 's1' }));
    expect((await table.reader.list('session')).map(({ id }) => id)).toEqual(['s2']);
    expect(tables.logLines.join('')).toContain(`${prefix}:session:s1`);
    expect(tables.logLines.join('')).not.toContain('secret');
    expect(table.stats.badRows).toBeGreaterThan(0);
    // The next put mends it.
    expect(await table.writer('session').put(sessionRow({ id: 's1', generation: 2 }))).toBe('stored');
    await expect.poll(() => follower.get('session', 's1')?.generation).toBe(2);
  });
});

describeFaults('ten thousand rows', () => {
  it('are listed, followed and put back', async () => {
    const count = 10_000;
    const [writing, reading] = await Promise.all([open(), open()]);
    const heard = new Set<string>();
    reading.reader.watch(({ id }) => heard.add(id));
    const put = performance.now();
    for (let start = 0; start < count; start += 1_000) {
      const ids = Array.from({ length: 1_000 }, (_, index) => `s${start + index}`);
      await Promise.all(ids.map((id) => writing.writer('session').put(sessionRow({ id }))));
    }
    const listed = performance.now();
    await expect.poll(() => heard.size, { timeout: 20_000 }).toBe(count);
    expect(await reading.reader.list('session')).toHaveLength(count);
    const done = performance.now();
    await server.cli('FLUSHALL');
    await expect.poll(() => writing.stats.restored, { timeout: 20_000 }).toBe(count);
    const restored = performance.now();
    expect(await reading.reader.list('session')).toHaveLength(count);
    console.log(
      `10 000 rows: put in ${Math.round(listed - put)} ms, heard and listed in ${Math.round(done - listed)} ms, back in ${Math.round(restored - done)} ms`,
    );
  });
});
