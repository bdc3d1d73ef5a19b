import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GleipnirError } from '../../core/runtime/errors.ts';
import { createSealer, type Sealer } from '../../core/runtime/seal.ts';
import { createMemoryTable } from '../../core/session/memory.ts';
import type { FlowRecord, LaunchRecord } from '../../core/session/record.ts';
import type { SessionTable } from '../../core/session/table.ts';
import { createLocalStore } from '../../core/store/local.ts';
import type { ObjectStore } from '../../core/store/object-store.ts';
import { FakeHost } from '../../test/support/fake-host.ts';
import { appIdOf } from '../hosts/app-id.ts';
import { HostPool } from '../hosts/pool.ts';
import { createOperator, type Operator } from '../operator.ts';
import { Generations } from '../sessions/generation.ts';
import { SlotAllocator } from '../sessions/slots.ts';

const log = pino({ level: 'silent' });
const RIKEY = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex');
const ID = 's-1';

let directory: string;
let clock: { nowMs: number };
let table: SessionTable;
let sessions: ObjectStore<'Session'>;
let sealer: Sealer;
let host: FakeHost;
let pool: HostPool;
let operator: Operator;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gleipnir-'));
  clock = { nowMs: 1_000_000 };
  table = createMemoryTable();
  sessions = await createLocalStore({ kind: 'Session', directory, now: () => new Date(0) });
  sealer = createSealer(Buffer.alloc(32, 7));
  host = new FakeHost('attic');
  pool = new HostPool({ hosts: [host.spec], driverOf: (_, key) => Promise.resolve(host.driver(key)), log });
  await pool.start();
  const rows = table.writer('session');
  const slots = new SlotAllocator({ slotsMax: 4, now: () => clock.nowMs });
  operator = createOperator({
    sessions,
    table: table.reader,
    rows,
    generations: new Generations({
      table: table.reader,
      rows,
      hosts: pool,
      slots,
      sealer,
      log,
      upstreamAddress: '0.0.0.0',
    }),
    log,
    now: () => clock.nowMs,
    rtspPort: () => 48_010,
    graceMs: 600_000,
  });
  await operator.start();
});

afterEach(async () => {
  await operator.stop();
  await pool.stop();
  await rm(directory, { recursive: true });
});

function launchRow(generation: number, appId = appIdOf('Test card')): LaunchRecord {
  return {
    id: ID,
    generation,
    verb: generation === 1 ? 'launch' : 'resume',
    appId,
    parameters: { mode: '1280x720x60' },
    rikey: sealer.seal(RIKEY),
    rikeyid: -5,
    corever: 1,
    clientAddress: '192.0.2.99',
  };
}

async function launch(appId?: number): Promise<void> {
  await table.writer('launch').put(launchRow(1, appId));
  await sessions.create({
    name: ID,
    spec: { userReference: { name: 'u' }, pairingReference: { name: 'p-1' }, gameReference: { name: '1' } },
  });
}

async function reportFlow(generation: number, status: FlowRecord['status']): Promise<void> {
  const zero = { video: 0, audio: 0, control: 0 };
  await table.writer('flow').put({
    id: ID,
    generation,
    status,
    client: {},
    pingCounters: { audio: 0, video: 0 },
    lastSeenAt: clock.nowMs,
    datagrams: zero,
    bytes: zero,
  });
}

const row = (): ReturnType<typeof table.reader.get<'session'>> => table.reader.get('session', ID);
const phase = async (): Promise<string | undefined> => (await sessions.get(ID))?.status?.phase;

describe('session controller', () => {
  it('launches on a host with the client’s own key and says where to stream', async () => {
    await launch();
    await expect.poll(phase).toBe('Ready');
    const ready = await row();
    expect(ready).toMatchObject({
      generation: 1,
      state: 'ready',
      client: { address: '192.0.2.99' },
      host: {
        name: 'attic',
        rtsp: { address: '192.0.2.7', port: 48_010, label: 'label-1', encrypted: false },
      },
      upstream: { slot: 0 },
    });
    expect((await sessions.get(ID))?.status?.streamURL).toBe(`rtspenc://${ready?.tokens.rtspLabel}:48010`);
    expect(host.launches).toMatchObject([{ appId: 1, rikeyid: -5, parameters: { mode: '1280x720x60' } }]);
    expect(Buffer.from(host.launches[0]?.rikey ?? [])).toEqual(RIKEY);
  });

  it('follows the relay: streaming, paused, streaming again', async () => {
    await launch();
    await expect.poll(phase).toBe('Ready');
    await reportFlow(1, 'live');
    await expect.poll(phase).toBe('Streaming');
    await reportFlow(1, 'silent');
    await expect.poll(phase).toBe('Paused');
    expect((await row())?.state).toBe('paused');
    await reportFlow(1, 'live');
    await expect.poll(phase).toBe('Streaming');
  });

  it('resumes only after the relay closed the old generation, with fresh tokens and a fresh slot', async () => {
    await launch();
    await expect.poll(phase).toBe('Ready');
    const first = await row();
    await reportFlow(1, 'live');
    await expect.poll(phase).toBe('Streaming');
    await table.writer('launch').put(launchRow(2));
    await expect.poll(async () => (await row())?.generation).toBe(2);
    expect((await row())?.state).toBe('pending');
    expect(host.calls).not.toContain('resume');
    await reportFlow(1, 'closed');
    await expect.poll(async () => (await row())?.state).toBe('ready');
    const second = await row();
    expect(host.calls).toContain('resume');
    expect(second?.upstream.slot).not.toBe(first?.upstream.slot);
    expect(second?.tokens.pingPayload).not.toBe(first?.tokens.pingPayload);
    expect((await sessions.get(ID))?.status).toMatchObject({ phase: 'Ready', launchGeneration: 2 });
  });

  it('ends in order when the object is deleted: relay, host, row', async () => {
    await launch();
    await expect.poll(phase).toBe('Ready');
    await reportFlow(1, 'live');
    await expect.poll(phase).toBe('Streaming');
    await sessions.delete(ID);
    await expect.poll(async () => (await row())?.state).toBe('ended');
    expect(host.calls).not.toContain('cancel');
    await reportFlow(1, 'closed');
    await expect.poll(row).toBeUndefined();
    expect(host.calls).toContain('cancel');
    expect(pool.placementOf(ID)).toBeUndefined();
  });

  it('ends a session whose host ended the app', async () => {
    await launch();
    await expect.poll(phase).toBe('Ready');
    await reportFlow(1, 'live');
    await expect.poll(phase).toBe('Streaming');
    host.isBusy = false;
    await reportFlow(1, 'disconnected');
    await reportFlow(1, 'closed');
    await expect.poll(row).toBeUndefined();
    expect(await sessions.get(ID)).toBeUndefined();
  });

  it.each([
    { name: 'no host has the app', appId: 77, reason: 'APP_NOT_FOUND', message: /offers this app/ },
    { name: 'the host refuses', appId: undefined, reason: 'HOST_BUSY', message: /busy/ },
  ])('says why when $name', async ({ appId, reason, message }) => {
    host.refusal = new GleipnirError('HOST_BUSY', 'The machine is busy');
    await launch(appId);
    await expect.poll(async () => (await sessions.get(ID))?.status).toMatchObject({ phase: 'Ended', reason });
    expect((await sessions.get(ID))?.status?.message).toMatch(message);
    await expect.poll(row).toBeUndefined();
    await expect.poll(() => pool.placementOf(ID)).toBeUndefined();
  });

  it('says "busy" when all hosts are full', async () => {
    pool.place({ id: 'other', pairingName: 'p-2', appId: appIdOf('Test card') });
    await launch();
    await expect.poll(async () => (await sessions.get(ID))?.status?.reason).toBe('NO_HOST_FREE');
  });

  it('ends what a restart interrupted', async () => {
    await sessions.create({
      name: ID,
      spec: { userReference: { name: 'u' }, pairingReference: { name: 'p-1' }, gameReference: { name: '1' } },
    });
    await expect.poll(phase).toBe('Ended');
  });
});
