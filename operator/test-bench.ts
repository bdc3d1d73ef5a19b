/** For the specs of the operator: a real store and table, one fake host, and a hand on everything around them. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HostDriver } from '../core/host/types.ts';
import { createLogger } from '../core/runtime/log.ts';
import { createSealer } from '../core/runtime/seal.ts';
import { createMemoryTable } from '../core/session/memory.ts';
import { flowRowId } from '../core/session/flows.ts';
import type { FlowRecord, LaunchRecord, SessionRecord } from '../core/session/record.ts';
import type { SessionTable, TableWriter } from '../core/session/table.ts';
import { createLocalStore } from '../core/store/local.ts';
import type { ObjectStore } from '../core/store/object-store.ts';
import { FakeHost, type FakeHostOptions } from '../test/support/fake-host.ts';
import { appIdOf } from './hosts/app-id.ts';
import { HostPool } from './hosts/pool.ts';
import { createOperator, type Operator, type OperatorDeps } from './operator.ts';
import { Generations, type GenerationsDeps } from './sessions/generation.ts';
import { Slots } from './sessions/slots.ts';

export const RIKEY = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex');
export const ID = 's-1';
export const APP = appIdOf('Test card');
export const GRACE_MS = 600_000;
const ENDED_KEPT_MS = 50;
/** Long enough to be out of the way of what a test counts, short enough to wait for. */
const POLL_MS = 200;

const sealer = createSealer(Buffer.alloc(32, 7));

export interface Bench {
  clock: { nowMs: number };
  table: SessionTable;
  sessions: ObjectStore<'Session'>;
  apps: ObjectStore<'App'>;
  users: ObjectStore<'User'>;
  pairings: ObjectStore<'Pairing'>;
  host: FakeHost;
  /** Of whoever leads. */
  pool: () => HostPool;
  /** Ends the leader without a word, wherever its work stands. */
  kill: () => Promise<void>;
  /** Another one leads, who only finds what stands. */
  succeed: () => Promise<void>;
  /** What the hosts are found to be by whoever looks. */
  found: { over: Set<string>; down: Set<string> };
  /** What the pool finds, and tells by itself. */
  tell: { gameEnded: (sessionId: string) => void; hostDown: (hostName: string) => void };
  /** Keeps the host from answering /launch and /resume. @returns how to let it. */
  holdHost: () => () => void;
  /** The next writes of session rows fail, so many of them. */
  failures: { left: number };
  /** Streams that froze, as counted. */
  freezes: { count: number };
  logged: () => string;
  /** Session `id` as the proxy would make it, generation 1. */
  launch: (options?: { id?: string; appId?: number; user?: string }) => Promise<void>;
  /** The next generation, as the proxy would ask for it. */
  resume: (generation: number, changes?: Partial<LaunchRecord>) => Promise<void>;
  /** What the relay would say. */
  reportFlow: (generation: number, status: FlowRecord['status'], isFrozen?: boolean) => Promise<void>;
  /** Of session ID, as is `phase`. */
  row: () => Promise<SessionRecord | undefined>;
  phase: () => Promise<string | undefined>;
  stop: () => Promise<void>;
}

export async function startBench(hostOptions: FakeHostOptions = {}): Promise<Bench> {
  const directory = await mkdtemp(join(tmpdir(), 'gleipnir-operator-'));
  const clock = { nowMs: 1_000_000 };
  const table = createMemoryTable();
  const store = { directory, now: () => new Date(0) };
  const sessions = await createLocalStore({ kind: 'Session', ...store });
  const apps = await createLocalStore({ kind: 'App', ...store });
  const users = await createLocalStore({ kind: 'User', ...store });
  const pairings = await createLocalStore({ kind: 'Pairing', ...store });
  const objects = { sessions, apps, users, pairings };
  for (const name of ['p-1', 'p-2']) await createPairing(pairings, name);
  const host = new FakeHost('attic', hostOptions);
  const held = { until: Promise.resolve() };
  const lines: string[] = [];
  const log = createLogger('trace', { write: (line) => void lines.push(line) });
  const failures = { left: 0 };
  const freezes = { count: 0 };
  const found = { over: new Set<string>(), down: new Set<string>() };
  const shared = { table: table.reader, rows: failing(table.writer('session'), failures), log };
  const lead = () =>
    startLeader({
      ...{ shared, host, held, found, objects, table },
      now: () => clock.nowMs,
      onFreeze: () => (freezes.count += 1),
    });
  let leader = await lead();
  const kill = async () => {
    await leader.operator.stop();
    await leader.pool.stop();
  };
  return {
    ...{ clock, table, host, failures, freezes, found, kill },
    ...objects,
    ...createHands({ table, sessions, clock }),
    pool: () => leader.pool,
    succeed: async () => {
      leader = await lead();
    },
    tell: {
      gameEnded: (sessionId) => {
        leader.tell.gameEnded(sessionId);
      },
      hostDown: (hostName) => {
        leader.tell.hostDown(hostName);
      },
    },
    holdHost: () => {
      const { promise, resolve } = Promise.withResolvers<undefined>();
      held.until = promise.then(() => undefined);
      return () => {
        resolve(undefined);
      };
    },
    logged: () => lines.join(''),
    stop: async () => {
      await kill();
      await rm(directory, { recursive: true });
    },
  };
}

interface LeaderDeps extends Pick<Bench, 'host' | 'found' | 'table'> {
  objects: Pick<Bench, 'sessions' | 'apps' | 'users' | 'pairings'>;
  shared: Pick<GenerationsDeps, 'table' | 'rows' | 'log'>;
  held: { until: Promise<void> };
  now: () => number;
  onFreeze: () => void;
}

/** Whoever leads: a pool that asks the host itself, and the operator. */
async function startLeader(deps: LeaderDeps): Promise<{
  pool: HostPool;
  operator: Operator;
  tell: Bench['tell'];
}> {
  const { shared, host, held, found, objects, table, now, onFreeze } = deps;
  const driverOf = (_: unknown, key: string) => Promise.resolve(holdable(host.driver(key), held));
  const pool = new HostPool({ hosts: [host.spec], driverOf, log: shared.log, pollMs: POLL_MS });
  await pool.start();
  const { hosts, tell } = createTold(pool, found);
  const slots = new Slots({ claims: table.claims, slotsMax: 1_000 });
  const operator = createOperator({
    ...shared,
    ...objects,
    generations: new Generations({ ...shared, hosts: pool, slots, sealer, upstreamAddress: '0.0.0.0' }),
    hosts,
    now,
    rtspPort: () => 48_010,
    graceMs: GRACE_MS,
    endedKeptMs: ENDED_KEPT_MS,
    onFreeze,
  });
  await operator.start();
  return { pool, operator, tell };
}

/** What the proxy and the relay do, and what they see. */
function createHands({
  table,
  sessions,
  clock,
}: Pick<Bench, 'table' | 'sessions' | 'clock'>): Pick<
  Bench,
  'launch' | 'resume' | 'reportFlow' | 'row' | 'phase'
> {
  const launches = table.writer('launch');
  return {
    launch: async ({ id = ID, appId = APP, user = 'u' } = {}) => {
      await launches.put({ ...launchRow(), id, appId });
      const reference = { userReference: { name: user }, pairingReference: { name: 'p-1' } };
      await sessions.create({ name: id, spec: { ...reference, gameReference: { name: String(appId) } } });
    },
    resume: async (generation, changes = {}) => {
      await launches.put({ ...launchRow(), generation, verb: 'resume', ...changes });
    },
    reportFlow: async (generation, status, isFrozen) => {
      const row = flowRow(generation, status, clock.nowMs);
      await table.writer('flow').put(isFrozen === undefined ? row : { ...row, isFrozen });
    },
    row: () => table.reader.get('session', ID),
    phase: async () => (await sessions.get(ID))?.status?.phase,
  };
}

async function createPairing(pairings: ObjectStore<'Pairing'>, name: string): Promise<void> {
  const fingerprint = name.replace('p-', '').padStart(64, '0');
  await pairings.create({
    name,
    spec: { userReference: { name: 'u' }, clientCertPEM: 'pem', fingerprint },
  });
}

function holdable(driver: HostDriver, held: { until: Promise<void> }): HostDriver {
  return {
    ...driver,
    launch: (request) => held.until.then(() => driver.launch(request)),
    resume: (request) => held.until.then(() => driver.resume(request)),
  };
}

function failing(rows: TableWriter<'session'>, failures: { left: number }): TableWriter<'session'> {
  return {
    ...rows,
    put: (row) => {
      if (failures.left === 0) return rows.put(row);
      failures.left -= 1;
      return Promise.reject(new Error('connection is closed'));
    },
  };
}

/** The pool with a hand on what it finds. */
function createTold(
  pool: HostPool,
  { over, down }: Bench['found'],
): { hosts: OperatorDeps['hosts']; tell: Bench['tell'] } {
  const gameEnded = new Set<(sessionId: string) => void>();
  const hostDown = new Set<(hostName: string) => void>();
  return {
    hosts: {
      isDown: (hostName) => down.has(hostName) || pool.isDown(hostName),
      isGameOver: (sessionId) => over.has(sessionId),
      facts: () => pool.facts(),
      onChange: (listener) => pool.onChange(listener),
      onGameEnded: (listener) => {
        gameEnded.add(listener);
        return () => gameEnded.delete(listener);
      },
      onHostDown: (listener) => {
        hostDown.add(listener);
        const stop = pool.onHostDown(listener);
        return () => {
          hostDown.delete(listener);
          stop();
        };
      },
    },
    tell: {
      gameEnded: (sessionId) => {
        over.add(sessionId);
        for (const listener of gameEnded) listener(sessionId);
      },
      hostDown: (hostName) => {
        down.add(hostName);
        for (const listener of hostDown) listener(hostName);
      },
    },
  };
}

function launchRow(): LaunchRecord {
  return {
    id: ID,
    generation: 1,
    verb: 'launch',
    appId: APP,
    parameters: { mode: '1280x720x60' },
    rikey: sealer.seal(RIKEY),
    rikeyid: -5,
    corever: 1,
    clientAddress: '192.0.2.99',
    pairingName: 'p-1',
  };
}

function flowRow(generation: number, status: FlowRecord['status'], lastSeenAt: number): FlowRecord {
  const zero = { video: 0, audio: 0, control: 0 };
  return {
    id: flowRowId(ID, 'edge'),
    generation,
    status,
    client: {},
    pingCounters: { audio: 0, video: 0 },
    lastSeenAt,
    datagrams: zero,
    bytes: zero,
  };
}
