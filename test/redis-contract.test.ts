/** The session table's contract on every form of a real Redis. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { hash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { describeSessionTable, sessionRow } from '../core/session/contract.ts';
import { TableFollower } from '../core/session/follow.ts';
import { historyEvent, idsOf } from '../core/history/contract.ts';
import { createRedisHistory } from '../core/history/redis.ts';
import { ROW_SCHEMAS, type RowKind } from '../core/session/record.ts';
import type { RedisTable } from '../core/session/redis/table.ts';
import {
  ADDRESS,
  createTlsFiles,
  freePorts,
  REDIS_MISSING,
  RedisServer,
  startCluster,
  startSentinel,
  valueOf,
  type RedisServers,
} from './support/redis.ts';
import { freshPrefix, joinParts, RedisTables } from './support/redis-table.ts';

const USERS_FILE = join(import.meta.dirname, '../deploy/redis/users.acl');
const ALL_KINDS = Object.keys(ROW_SCHEMAS) as RowKind[];
type PartName = 'operator' | 'proxy' | 'relay';
interface PartDoes {
  reads: readonly RowKind[];
  writes: readonly RowKind[];
  takesClaims: boolean;
  raisesNumbers: boolean;
  keepsHistory: boolean;
}
/** What each part does, as docs/architecture.md says: kinds that it reads, among them those that it writes. */
const PARTS: Record<PartName, PartDoes> = {
  operator: {
    reads: ['session', 'launch', 'flow', 'host', 'art'],
    writes: ['session', 'host', 'art'],
    takesClaims: true,
    raisesNumbers: false,
    keepsHistory: false,
  },
  proxy: {
    reads: ALL_KINDS,
    writes: ['launch', 'stream', 'exchange'],
    takesClaims: true,
    raisesNumbers: true,
    keepsHistory: true,
  },
  relay: {
    reads: ['session', 'stream', 'flow'],
    writes: ['flow'],
    takesClaims: false,
    raisesNumbers: false,
    keepsHistory: false,
  },
};
const PART_NAMES = Object.keys(PARTS) as PartName[];
const DENIED = { code: 'TABLE_UNAVAILABLE', details: { reason: 'NOPERM' } };
/** What no part ever needs, and what would harm all of them. */
const FORBIDDEN = [
  ['FLUSHALL'],
  ['FLUSHDB'],
  ['CONFIG', 'GET', '*'],
  ['CONFIG', 'SET', 'maxmemory', '1'],
  ['KEYS', '*'],
  ['SCAN', '0'],
  ['ACL', 'LIST'],
  ['SHUTDOWN'],
  ['CLIENT', 'LIST'],
  ['MONITOR'],
  ['SCRIPT', 'FLUSH'],
  ['REPLICAOF', 'NO', 'ONE'],
  ['PUBLISH', 'channel', 'x'],
  ['GET', 'of-somebody-else'],
  ['SET', '{other}:session:s1', 'x'],
];

const tables = new RedisTables();
afterEach(() => tables.stop());

const title = (name: string): string => (REDIS_MISSING === undefined ? name : `${name} (${REDIS_MISSING})`);
const describeWithRedis = (name: string, body: () => void): void => {
  describe.skipIf(REDIS_MISSING !== undefined)(title(name), body);
};

/** Kills the primary under two tables; what was put, and what is put afterwards, must be there for both. */
async function failOver(env: Record<string, string>, kill: () => Promise<void>): Promise<void> {
  const [one, other] = await Promise.all([tables.open(env), tables.open(env)]);
  const ids = Array.from({ length: 20 }, (_, index) => `s${index}`);
  for (const id of ids) await one.writer('session').put(sessionRow({ id, state: 'ready' }));
  const follower = new TableFollower({ reader: other.reader, kinds: ['session'], onError: () => undefined });
  await follower.start();
  const gone: string[] = [];
  follower.onChange(({ id }) => {
    if (follower.get('session', id) === undefined) gone.push(id);
  });
  await kill();
  const killedAt = performance.now();
  const put = (): Promise<string> =>
    one
      .writer('session')
      .put(sessionRow({ id: 'new' }))
      .catch(() => 'away');
  await expect.poll(put, { timeout: 20_000 }).toBe('stored');
  await expect.poll(() => follower.get('session', 'new'), { timeout: 10_000 }).toBeDefined();
  console.log(
    `${env['REDIS_URL']?.split(':')[0] ?? ''}: fail-over took ${Math.round(performance.now() - killedAt)} ms`,
  );
  await expect
    .poll(
      () =>
        other.reader.list('session').then(
          ({ length }) => length,
          () => -1,
        ),
      { timeout: 10_000 },
    )
    .toBe(ids.length + 1);
  expect([...follower.all('session')]).toHaveLength(ids.length + 1);
  expect(gone).toEqual([]);
}

describeWithRedis('createRedisTable on one server', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await RedisServer.start();
  });
  afterAll(() => server.remove());

  describeSessionTable(() =>
    tables.open({ REDIS_URL: `redis://${ADDRESS}:${server.port}/3`, REDIS_PREFIX: freshPrefix() }),
  );
});

describeWithRedis('createRedisTable with TLS, client certificates and a user for each part', () => {
  let server: RedisServer;
  let directory: string;
  let env: Record<string, string>;

  const openPart = (part: PartName, changes: Record<string, string> = {}): Promise<RedisTable> =>
    tables.begin(
      { ...env, REDIS_USERNAME: part, REDIS_PASSWORD_FILE: join(directory, part), ...changes },
      { kinds: PARTS[part].reads },
    );

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'gleipnir-acl-'));
    const tls = await createTlsFiles(directory);
    for (const part of PART_NAMES) await writeFile(join(directory, part), `secret of ${part}\n`);
    const users = (await readFile(USERS_FILE, 'utf8'))
      .replaceAll(/^user (proxy|relay|operator) on/gm, (line, part: string) => {
        return `${line} #${hash('sha256', `secret of ${part}`)}`;
      })
      .concat('user admin on >admin ~* &* +@all\n');
    await writeFile(join(directory, 'users.acl'), users);
    const [port = 0] = await freePorts(1);
    const files = [
      '--tls-cert-file',
      tls.serverCert,
      '--tls-key-file',
      tls.serverKey,
      '--tls-ca-cert-file',
      tls.ca,
    ];
    server = await RedisServer.start({
      port,
      arguments: [
        '--port',
        '0',
        '--tls-port',
        String(port),
        ...files,
        '--aclfile',
        join(directory, 'users.acl'),
      ],
      cli: [
        '--tls',
        '--cacert',
        tls.ca,
        '--cert',
        tls.clientCert,
        '--key',
        tls.clientKey,
        '--user',
        'admin',
        '--pass',
        'admin',
        '--no-auth-warning',
      ],
    });
    env = {
      REDIS_URL: `rediss://${ADDRESS}:${port}`,
      REDIS_TLS_CA_FILE: tls.ca,
      REDIS_TLS_CERT_FILE: tls.clientCert,
      REDIS_TLS_KEY_FILE: tls.clientKey,
    };
  });
  afterAll(async () => {
    await server.remove();
    await rm(directory, { recursive: true, force: true });
  });

  describeSessionTable(async () => {
    await server.cli('FLUSHALL');
    const [operator, proxy, relay] = await Promise.all([
      openPart('operator'),
      openPart('proxy'),
      openPart('relay'),
    ]);
    await Promise.all([operator, proxy, relay].map((table) => table.start()));
    return joinParts({ operator, proxy, relay });
  });

  /** As an administrator would, but as the part. */
  const cliOf = (part: PartName, command: string[]): Promise<string> =>
    server.cli('--user', part, '--pass', `secret of ${part}`, ...command);

  it.each(PART_NAMES)('lets the %s do what it does, and nothing else', async (part) => {
    const { reads, writes, takesClaims, raisesNumbers, keepsHistory } = PARTS[part];
    const table = await openPart(part);
    await table.start();
    const { reader, claims, connection } = table;
    for (const kind of ALL_KINDS) {
      // Whatever the row: what may be done with a key depends on its name.
      const put = table.writer(kind).put({ ...sessionRow({ id: `acl-${part}` }), kind } as never);
      if (writes.includes(kind)) await expect(put).resolves.toBe('stored');
      else await expect(put, `${part} puts ${kind}`).rejects.toMatchObject(DENIED);
      const removal = table.writer(kind).remove(`acl-${part}`);
      if (writes.includes(kind)) await removal;
      else await expect(removal, `${part} removes ${kind}`).rejects.toMatchObject(DENIED);
      if (reads.includes(kind)) {
        expect(await reader.get(kind, 'none')).toBeUndefined();
        await reader.list(kind);
      } else await expect(reader.get(kind, 'none'), `${part} reads ${kind}`).rejects.toMatchObject(DENIED);
    }
    const claiming = async (): Promise<unknown> => {
      await claims.take(`acl ${part}`, 'one', 10_000);
      await claims.look(`acl ${part}`);
      await claims.release(`acl ${part}`, 'one');
      return 'allowed';
    };
    const history = createRedisHistory({
      connection,
      prefix: '{gleipnir}',
      now: Date.now,
      log: pino({ level: 'silent' }),
    });
    const at = new Date().toISOString();
    const keeping = async (): Promise<unknown> => {
      expect(await history.append(historyEvent(`acl-${part}`, { at }))).toBe('stored');
      return idsOf(history);
    };
    const outcomes = await Promise.all([
      claiming().catch((error: unknown) => error),
      claims.advance(`acl ${part}`, 1, 10_000).catch((error: unknown) => error),
      idsOf(history).catch((error: unknown) => error),
    ]);
    expect(outcomes).toMatchObject([
      takesClaims ? 'allowed' : DENIED,
      raisesNumbers ? true : DENIED,
      keepsHistory ? [] : DENIED,
    ]);
    if (keepsHistory) expect(await keeping()).toEqual([`acl-${part}`]);
    else expect(await history.append(historyEvent(`acl-${part}`, { at }))).toBe('waiting');
    for (const command of FORBIDDEN) expect(await cliOf(part, command), command.join(' ')).toMatch(/^NOPERM/);
    await history.stop();
  });

  it('lets nobody in without a password', async () => {
    for (const part of ['default', ...PART_NAMES])
      expect(await server.cli('--user', part, '--pass', 'wrong', 'PING')).toMatch(/WRONGPASS/);
  });

  it.each([
    ['a wrong password', { REDIS_PASSWORD_FILE: 'relay' }, 'WRONGPASS'],
    ['an authority that did not sign the server', { REDIS_TLS_CA_FILE: 'client.pem' }, 'connection'],
  ])('says why it cannot connect with %s, and keeps the secret', async (_name, files, reason) => {
    const changes = Object.entries(files).map(([name, file]): [string, string] => [
      name,
      join(directory, file),
    ]);
    const table = await openPart('proxy', Object.fromEntries(changes));
    table.start().catch(() => undefined);
    await expect.poll(() => tables.logLines.join('')).toContain(`"reason":"${reason}"`);
    await expect(table.reader.get('session', 's1')).rejects.toMatchObject({ code: 'TABLE_UNAVAILABLE' });
    expect(tables.logLines.join('')).not.toContain('secret of');
  });
});

describeWithRedis('createRedisTable with Sentinel', () => {
  let redis: RedisServers;
  beforeAll(async () => {
    redis = await startSentinel();
  });
  afterAll(() => redis.remove());

  const open = (): Promise<RedisTable> => tables.open({ REDIS_URL: redis.url, REDIS_PREFIX: freshPrefix() });

  describe('before a fail-over', () => {
    describeSessionTable(open);
  });

  it('goes on within seconds where the primary was killed', async () => {
    await failOver({ REDIS_URL: redis.url, REDIS_PREFIX: freshPrefix() }, async () => {
      await redis.servers[0]?.stop();
    });
    const [primary] = redis.servers;
    // Each Sentinel hears of it in its own time, some of them after our tables.
    await expect.poll(() => valueOf(redis.servers[3], 'port')).not.toBe(String(primary?.port));
  });

  describe('after a fail-over', () => {
    describeSessionTable(open);
  });
});

describeWithRedis('createRedisTable on a Cluster', () => {
  let redis: RedisServers;
  beforeAll(async () => {
    redis = await startCluster();
  });
  afterAll(() => redis.remove());

  const open = (): Promise<RedisTable> => tables.open({ REDIS_URL: redis.url, REDIS_PREFIX: freshPrefix() });

  describe('before a fail-over', () => {
    describeSessionTable(open);
  });

  it('goes on within seconds where the node of its slot was killed', async () => {
    const prefix = freshPrefix();
    const slot = Number(await redis.servers[0]?.cli('CLUSTER', 'KEYSLOT', prefix));
    await failOver({ REDIS_URL: redis.url, REDIS_PREFIX: prefix }, async () => {
      await redis.servers[Math.floor(slot / (16_384 / 3))]?.stop();
    });
  });

  describe('after a fail-over', () => {
    describeSessionTable(open);
  });
});
