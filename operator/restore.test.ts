import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SessionStatus } from '../core/crd/types.ts';
import { createSealer } from '../core/runtime/seal.ts';
import { sessionRow } from '../core/session/contract.ts';
import { createMemoryTable } from '../core/session/memory.ts';
import type { SessionRecord } from '../core/session/record.ts';
import type { SessionTable } from '../core/session/table.ts';
import { createLocalStore } from '../core/store/local.ts';
import type { ObjectStore } from '../core/store/object-store.ts';
import { FakeHost } from '../test/support/fake-host.ts';
import { appIdOf } from './hosts/app-id.ts';
import { HostPool } from './hosts/pool.ts';
import { restoreSessions } from './restore.ts';
import { Generations } from './sessions/generation.ts';
import { Slots } from './sessions/slots.ts';

const log = pino({ level: 'silent' });
const APP_ID = appIdOf('Test card');
const HOST = {
  name: 'attic',
  rtsp: { address: '192.0.2.7', port: 48_010, label: 'label-1', encrypted: false },
};

let directory: string;
let sessions: ObjectStore<'Session'>;
let table: SessionTable;
let attic: FakeHost;
let pool: HostPool;
let slots: Slots;
let generations: Generations;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gleipnir-restore-'));
  sessions = await createLocalStore({ kind: 'Session', directory, now: () => new Date() });
  table = createMemoryTable();
  attic = new FakeHost('attic', { capacity: 2, isPaired: false, isDown: true });
  pool = new HostPool({
    hosts: [attic.spec],
    driverOf: (_, key) => Promise.resolve(attic.driver(key)),
    log,
  });
  slots = new Slots({ claims: table.claims, slotsMax: 10 });
  generations = new Generations({
    table: table.reader,
    rows: table.writer('session'),
    hosts: pool,
    slots,
    sealer: createSealer(new Uint8Array(32)),
    log,
    upstreamAddress: '0.0.0.0',
  });
});
afterEach(async () => {
  await pool.stop();
  await rm(directory, { recursive: true });
});

/** What stood when the process ended. */
async function leave(
  id: string,
  status: SessionStatus | undefined,
  row?: Partial<SessionRecord>,
): Promise<void> {
  await sessions.create({
    name: id,
    spec: {
      userReference: { name: 'ann' },
      pairingReference: { name: 'p-1' },
      gameReference: { name: String(APP_ID) },
    },
  });
  if (status !== undefined) await sessions.patchStatus(id, status);
  if (row !== undefined) await table.writer('session').put(sessionRow({ id, ...row }));
}

function restore(): Promise<void> {
  return restoreSessions({ sessions, table: table.reader, generations, log });
}
const statusOf = async (id: string): Promise<SessionStatus | undefined> => (await sessions.get(id))?.status;

describe('restoreSessions', () => {
  it.each(['Ready', 'Streaming', 'Paused'] as const)(
    'leaves a session that was %s as it is',
    async (phase) => {
      const status = { phase, launchGeneration: 1, hostName: 'attic' };
      await leave('s1', status, {
        state: 'streaming',
        host: HOST,
        upstream: { address: '0.0.0.0', slot: 1 },
      });
      await restore();
      expect(await statusOf('s1')).toEqual(status);
      expect(pool.placementOf('s1')?.hostName).toBe('attic');
      expect(await slots.pick(await table.reader.list('session'), 'attic')).toBe(0);
    },
  );

  it('counts it against the capacity, and keeps its identity, though the host answers later', async () => {
    await leave('s1', { phase: 'Paused', launchGeneration: 1 }, { host: HOST });
    await restore();
    attic.isDown = false;
    await pool.start();
    expect(pool.facts()).toMatchObject([{ name: 'attic', used: 1 }]);
    expect(pool.placementOf('s1')?.hostAppId).toBe(1);
    await pool.placementOf('s1')?.driver();
    expect(attic.pairedKeys()).toContain(`ann.${APP_ID}`);
  });

  it('can be ended at its host', async () => {
    attic.isDown = false;
    await leave('s1', { phase: 'Streaming', launchGeneration: 1 }, { state: 'streaming', host: HOST });
    await restore();
    await generations.end('s1', await table.reader.get('session', 's1'));
    expect(attic.calls).toContain('cancel');
    expect(pool.placementOf('s1')).toBeUndefined();
    expect(await table.reader.get('session', 's1')).toBeUndefined();
  });

  it('ends a session whose host is not configured any more', async () => {
    await leave('s1', { phase: 'Paused', launchGeneration: 3 }, { host: { ...HOST, name: 'cellar' } });
    await restore();
    expect(await statusOf('s1')).toMatchObject({
      phase: 'Ended',
      launchGeneration: 3,
      reason: 'HOST_UNREACHABLE',
      message: 'The machine that played this game is not there any more',
    });
  });

  it('ends a first launch that was cut off, and can end it at the host', async () => {
    attic.isDown = false;
    const status = { phase: 'Provisioning', launchGeneration: 1, hostName: 'attic' } as const;
    await leave('s1', status, { state: 'pending' });
    await restore();
    expect(await statusOf('s1')).toMatchObject({ phase: 'Ended', reason: 'SESSION_NOT_FOUND' });
    await generations.end('s1', await table.reader.get('session', 's1'));
    expect(attic.calls).toContain('cancel');
  });

  it('leaves a resume that was cut off to the next look', async () => {
    const status = { phase: 'Provisioning', launchGeneration: 2, hostName: 'attic' } as const;
    await leave('s1', status, { state: 'pending', generation: 2, host: HOST });
    await restore();
    expect(await statusOf('s1')).toEqual(status);
  });

  it('leaves alone what has no row, and what has ended', async () => {
    await leave('s1', undefined);
    const ended = {
      phase: 'Ended',
      launchGeneration: 1,
      message: 'The game was ended on its machine',
    } as const;
    await leave('s2', ended, { state: 'ended', host: { ...HOST, name: 'cellar' } });
    await restore();
    expect(await statusOf('s1')).toBeUndefined();
    expect(await statusOf('s2')).toEqual(ended);
  });
});
