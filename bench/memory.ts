/** Memory: of the appliance as it starts, and what each idle session adds to the parts that hold it. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startChild } from './child.ts';
import type { Memory } from './collect.ts';
import type { IdleCommands } from './idle-sessions.ts';
import type { ProbeCommands } from './memory-probe.ts';

const SESSIONS = 1_000;
/** Added before the first measurement, so that code and tables that all sessions share are there already. */
const SESSIONS_FIRST = 50;
const SETTLE_MS = 2_000;
const IDLE_MS = 1_500;
/** A host that does not answer: without a hosts file the demo host would run in the same process. */
const HOSTS_FILE = 'hosts:\n  - name: absent\n    address: 127.0.0.1\n    httpPort: 9\n';

/** What each of 1000 idle sessions adds. */
export interface IdleSessions {
  sessions: number;
  /** Upstream slots that the sessions share, three UDP sockets each. */
  slots: number;
  rssBytesPerSession: number;
  heapBytesPerSession: number;
  externalBytesPerSession: number;
  /** CPU of the process while nothing comes in, percent of one core. */
  idleCpuPercent: number;
}

/** The whole measurement. */
export interface MemoryResult {
  /** `appliance/main.ts` with one static host, no client, after collection. */
  appliance: Memory;
  /** As in the cluster, where each session has a host of its own: all on one slot. */
  oneSlot: IdleSessions;
  /** As on one host with many sessions: a slot for each. */
  ownSlots: IdleSessions;
}

/** Runs everything; half a minute. */
export async function measureMemory(): Promise<MemoryResult> {
  const appliance = await measureAppliance();
  const oneSlot = await measureSessions(1);
  const ownSlots = await measureSessions(SESSIONS);
  return { appliance, oneSlot, ownSlots };
}

async function measureAppliance(): Promise<Memory> {
  const directory = await mkdtemp(join(tmpdir(), 'gleipnir-bench-'));
  const hostsFile = join(directory, 'hosts.yaml');
  await writeFile(hostsFile, HOSTS_FILE);
  const probe = new URL('./memory-probe.ts', import.meta.url).href;
  const ports = ['HTTP', 'HTTPS', 'RTSP', 'CONTROL', 'VIDEO', 'AUDIO', 'WEB'].map((name) => [
    `APPLIANCE_${name}_PORT`,
    '0',
  ]);
  const child = startChild<ProbeCommands>(new URL('../appliance/main.ts', import.meta.url), {
    execArgv: ['--expose-gc', '--import', probe],
    env: {
      ...(Object.fromEntries(ports) as Record<string, string>),
      APPLIANCE_BIND_ADDRESS: '127.0.0.1',
      APPLIANCE_UPSTREAM_PORT_BASE: '0',
      APPLIANCE_DATA_DIR: join(directory, 'data'),
      APPLIANCE_HOSTS_FILE: hostsFile,
      // Nothing is attached to the machine's own devices.
      RELAY_DATAPATH: 'userspace',
      LOG_LEVEL: 'fatal',
    },
  });
  try {
    await delay(SETTLE_MS);
    return await child.ask('memory', undefined);
  } finally {
    await child.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

async function measureSessions(slots: number): Promise<IdleSessions> {
  const child = startChild<IdleCommands>(new URL('./idle-sessions.ts', import.meta.url), {
    execArgv: ['--expose-gc'],
  });
  try {
    await child.ask('start', undefined);
    await child.ask('add', { from: 0, to: SESSIONS_FIRST, slots });
    const before = await child.ask('memory', undefined);
    await child.ask('add', { from: SESSIONS_FIRST, to: SESSIONS, slots });
    const after = await child.ask('memory', undefined);
    const cpuBeforeUs = await child.ask('cpuUs', undefined);
    await delay(IDLE_MS);
    const cpuAfterUs = await child.ask('cpuUs', undefined);
    const each = (of: (memory: Memory) => number): number =>
      (of(after) - of(before)) / (SESSIONS - SESSIONS_FIRST);
    return {
      sessions: SESSIONS,
      slots,
      rssBytesPerSession: each(({ rssBytes }) => rssBytes),
      heapBytesPerSession: each(({ heapUsedBytes }) => heapUsedBytes),
      externalBytesPerSession: each(({ externalBytes }) => externalBytes),
      idleCpuPercent: (cpuAfterUs - cpuBeforeUs) / (IDLE_MS * 10),
    };
  } finally {
    await child.stop();
  }
}
