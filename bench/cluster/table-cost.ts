/** What sessions that stream cost the table in Redis: rows written as relays write them, and followed as the others do. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { createLogger } from '../../core/runtime/log.ts';
import { parseRedisAddress } from '../../core/session/redis/address.ts';
import { createRedisTable, type RedisTable } from '../../core/session/redis/table.ts';
import type { FlowRecord, SessionRecord } from '../../core/session/record.ts';
import { TableFollower } from '../../core/session/follow.ts';
import { oneByOne, say } from '../turns.ts';

const ADDRESS = '127.0.0.1';
/** A flow row is written so often while its stream moves (`relay/tick.ts`). */
const ROW_INTERVAL_MS = 250;

/** Of one number of sessions, per session and second. */
export interface TableCost {
  sessions: number;
  commands: number;
  /** CPU time of Redis, ms. */
  redisCpuMs: number;
  /** CPU time of the one process that writes all rows and follows them, ms. */
  ownCpuMs: number;
}

export async function measureTableCost(counts: readonly number[], seconds: number): Promise<TableCost[]> {
  const redis = await startRedis();
  try {
    return await oneByOne(counts, async (sessions) => {
      say(`${sessions} sessions`);
      return await measureOne(redis.port, sessions, seconds);
    });
  } finally {
    await redis.stop();
  }
}

async function measureOne(port: number, sessions: number, seconds: number): Promise<TableCost> {
  const admin = new Redis({ port, host: ADDRESS });
  await admin.flushall();
  const table = openTable(port);
  await table.start();
  const kinds = ['session', 'flow'] as const;
  const follower = new TableFollower({ reader: table.reader, kinds });
  await follower.start();
  for (let index = 0; index < sessions; index += 1) await table.writer('session').put(sessionRow(index));

  const before = await read(admin);
  const usage = process.cpuUsage();
  await writeFlows(table, sessions, seconds);
  const own = process.cpuUsage(usage);
  const after = await read(admin);
  follower.stop();
  await table.stop();
  admin.disconnect();
  const each = sessions * seconds;
  return {
    sessions,
    commands: (after.commands - before.commands) / each,
    redisCpuMs: (after.cpuMs - before.cpuMs) / each,
    ownCpuMs: (own.user + own.system) / 1_000 / each,
  };
}

/** Every row in its turn, spread over the interval. */
async function writeFlows(table: RedisTable, sessions: number, seconds: number): Promise<void> {
  const flows = table.writer('flow');
  const startedAt = performance.now();
  const rounds = Math.round((seconds * 1_000) / ROW_INTERVAL_MS);
  for (let round = 0; round < rounds; round += 1) {
    const puts = Array.from({ length: sessions }, (_, index) => flows.put(flowRow(index, round)));
    await Promise.all(puts);
    const dueAt = startedAt + (round + 1) * ROW_INTERVAL_MS;
    await delay(Math.max(0, dueAt - performance.now()));
  }
}

function openTable(port: number): RedisTable {
  const address = parseRedisAddress(`redis://${ADDRESS}:${port}`);
  if (address === undefined) throw new Error('not an address of Redis');
  return createRedisTable({
    access: { address },
    prefix: '{gleipnir}',
    name: 'bench',
    log: createLogger('silent'),
  });
}

async function read(admin: Redis): Promise<{ commands: number; cpuMs: number }> {
  const text = `${await admin.info('stats')}${await admin.info('cpu')}`;
  const value = (name: string): number => Number(new RegExp(`^${name}:(.*)$`, 'm').exec(text)?.[1]);
  return {
    commands: value('total_commands_processed'),
    cpuMs: 1_000 * (value('used_cpu_user') + value('used_cpu_sys')),
  };
}

async function startRedis(): Promise<{ port: number; stop: () => Promise<void> }> {
  const server = createServer().listen(0, ADDRESS);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await once(server.close(), 'close');
  const directory = mkdtempSync(join(tmpdir(), 'gleipnir-bench-redis-'));
  const args = ['--port', String(port), '--bind', ADDRESS, '--dir', directory, '--save', ''];
  const child = spawn('redis-server', args, { stdio: 'ignore' });
  const probe = new Redis({ port, host: ADDRESS, retryStrategy: () => 50 });
  probe.on('error', () => undefined);
  await probe.ping();
  probe.disconnect();
  return {
    port,
    stop: async () => {
      const ended = once(child, 'exit');
      child.kill();
      await ended;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function sessionRow(index: number): SessionRecord {
  return {
    id: `session-${index}`,
    generation: 1,
    state: 'streaming',
    client: { address: '203.0.113.7' },
    keys: { rikey: 'A'.repeat(60), rikeyid: index },
    tokens: {
      pingPayload: String(index).padStart(16, '0'),
      connectData: index,
      rtspSession: `rtsp-session-${index}`,
      rtspLabel: `label-${String(index).padStart(8, '0')}`,
      peerId: index % 0xfff,
    },
    upstream: { address: '0.0.0.0', slot: index },
  };
}

function flowRow(index: number, round: number): FlowRecord {
  const counts = { video: round * 500, audio: round * 50, control: round * 10 };
  const client = { address: '203.0.113.7', port: 40_000 };
  return {
    id: `session-${index}`,
    generation: 1,
    status: 'live',
    client: { control: client, video: client, audio: client },
    control: {
      ...{ connectID: index, hostPeerID: 0, clientPeerID: 0, hostSessionID: 0, clientSessionID: 0 },
      highestSeq: round * 5,
    },
    pingCounters: { audio: round, video: round },
    lastSeenAt: round,
    datagrams: counts,
    bytes: counts,
    isFrozen: false,
    quality: {
      ...{ videoBps: 10e6, audioBps: 128_000, videoLost: 0, videoDatagrams: round * 500 },
      ...{ jitterMs: 0.5, rttMs: 3, fecReports: 0 },
    },
  };
}
