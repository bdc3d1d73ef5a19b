/** Memory: of the appliance as it starts, and what each idle session adds to the parts that hold it. */
import { setTimeout as delay } from 'node:timers/promises';
import { startAppliance } from '../appliance.ts';
import { startChild, type Memory } from '../child.ts';
import type { RelayCommands } from '../relay-process.ts';
import { LOOPBACK } from '../socket.ts';

const SESSIONS = 1_000;
/** Added before the first measurement, so that code and tables that all sessions share are there already. */
const SESSIONS_FIRST = 50;
const SETTLE_MS = 2_000;
const IDLE_MS = 1_500;
/** Hosts that never send need no socket of their own here: only their ports must differ. */
const HOST_PORT_BASE = 30_000;

/** What each of 1000 idle sessions adds. */
export interface IdleSessions extends Record<`${'rss' | 'heap' | 'external'}BytesPerSession`, number> {
  sessions: number;
  /** Upstream slots that the sessions share, three UDP sockets each. */
  slots: number;
  /** CPU of the process while nothing comes in, percent of one core. */
  idleCpuPercent: number;
}

/** Of the appliance with one static host and no client; and of sessions that share a slot, or have one each. */
export interface MemoryResult extends Record<'oneSlot' | 'ownSlots', IdleSessions> {
  appliance: Memory;
}

/** Runs everything; half a minute. */
export async function measureMemory(): Promise<MemoryResult> {
  return {
    appliance: await measureAppliance(),
    // As in the cluster, where each session has a host of its own.
    oneSlot: await measureSessions(1),
    // As on one host with many sessions.
    ownSlots: await measureSessions(SESSIONS),
  };
}

async function measureAppliance(): Promise<Memory> {
  const { process } = startAppliance({
    // It does not answer.
    host: { name: 'absent', address: LOOPBACK, httpPort: 9 },
    address: LOOPBACK,
    portBase: 0,
    // Nothing is attached to the machine's own devices.
    datapath: 'userspace',
    execArgv: ['--expose-gc'],
  });
  try {
    await delay(SETTLE_MS);
    return await process.ask.memory();
  } finally {
    await process.stop();
  }
}

/** What a session costs in the appliance: in the session table, the relay and the RTSP server. */
export async function measureSessions(slots: number): Promise<IdleSessions> {
  const file = new URL('../relay-process.ts', import.meta.url);
  const child = startChild<RelayCommands>(file, { execArgv: ['--expose-gc'] });
  const sessions = Array.from({ length: SESSIONS }, (_, index) => {
    return { index, slot: index % slots, hostVideoPort: HOST_PORT_BASE + index };
  });
  try {
    await child.ask.open({ isWithRtsp: true });
    await child.ask.add(sessions.slice(0, SESSIONS_FIRST));
    const before = await child.ask.memory();
    await child.ask.add(sessions.slice(SESSIONS_FIRST));
    const after = await child.ask.memory();
    const cpuBeforeUs = await child.ask.cpuUs();
    await delay(IDLE_MS);
    const cpuAfterUs = await child.ask.cpuUs();
    const each = (figure: keyof Memory): number =>
      (after[figure] - before[figure]) / (SESSIONS - SESSIONS_FIRST);
    return {
      sessions: SESSIONS,
      slots,
      rssBytesPerSession: each('rssBytes'),
      heapBytesPerSession: each('heapUsedBytes'),
      externalBytesPerSession: each('externalBytes'),
      idleCpuPercent: (cpuAfterUs - cpuBeforeUs) / (IDLE_MS * 10),
    };
  } finally {
    await child.stop();
  }
}
