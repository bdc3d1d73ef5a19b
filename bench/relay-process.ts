/**
 * The relay as it is, in a process of its own, with its session table: in memory, or in files that the next one finds.
 * For what a session weighs, it needs `--expose-gc`.
 */
import { Registry } from 'prom-client';
import { createLogger } from '../core/runtime/log.ts';
import { createSealer } from '../core/runtime/seal.ts';
import { createMemoryTable } from '../core/session/memory.ts';
import { createStoredTable } from '../core/session/stored.ts';
import type { SessionTable } from '../core/session/table.ts';
import { Origins } from '../proxy/origin/origins.ts';
import { RtspGate } from '../proxy/rtsp/gate.ts';
import { createRtspServer } from '../proxy/rtsp/listener.ts';
import type { RelayConfig } from '../relay/config.ts';
import { createRelay, type Relay, type RelayStats } from '../relay/relay.ts';
import { collect, cpuUs, serve, waitFor } from './child.ts';
import { putSession, type BenchSession } from './rows.ts';
import { LOOPBACK } from './socket.ts';

/** Control, video, audio: of each slot, and towards the clients. */
const SOCKETS_EACH = 3;
/** On loopback, at any free ports. */
const ON_LOOPBACK: RelayConfig = {
  bindAddress: LOOPBACK,
  controlPort: 0,
  videoPort: 0,
  audioPort: 0,
  upstreamPortBase: 0,
  slotsMax: 1_000,
  allowLoopback: true,
};

const RTSP = {
  bindAddress: LOOPBACK,
  port: 0,
  publicPorts: () => ({ control: 47_999, video: 48_100, audio: 48_200 }),
  allowLoopback: true,
} as const;

/** What the relay's process can be asked. */
export type RelayCommands = typeof commands;

/** What differs from a relay on loopback. */
export interface RelayOpening {
  config?: Partial<RelayConfig>;
  /** Of the table. Default: it is in memory. */
  tableFolder?: string;
  /** Whether the RTSP server, which holds a session as well, runs beside it. */
  isWithRtsp?: boolean;
}

/** So that the next process opens the keys that this one sealed. */
const sealer = createSealer(Buffer.alloc(32, 1));
const log = createLogger('warn', process.stderr);
let table: SessionTable = createMemoryTable();
/** That have a session; at most as many as sessions. */
const slots = new Set<number>();
let relay: Relay | undefined;

const commands = {
  cpuUs,
  memory: collect,
  /** @returns the public video port. */
  open: async ({ config, tableFolder, isWithRtsp = false }: RelayOpening): Promise<number> => {
    if (tableFolder !== undefined) table = await createStoredTable({ directory: tableFolder, log });
    const shared = { table: table.reader, sealer, log, register: new Registry() };
    const flows = table.writer('flow');
    relay = createRelay({ ...shared, name: 'bench', config: { ...ON_LOOPBACK, ...config }, flows });
    if (isWithRtsp) {
      const deps = {
        ...{ claims: table.claims, gate: new RtspGate({ claims: table.claims, log }) },
        ...{ origins: new Origins(), streams: table.writer('stream') },
      };
      await createRtspServer({ ...shared, ...deps, config: RTSP }).start();
    }
    return (await relay.start()).video;
  },
  /** Puts sessions and waits until the relay has them and their sockets. */
  add: async (sessions: readonly BenchSession[]): Promise<void> => {
    const flows = (relay?.stats().flows ?? 0) + sessions.length;
    for (const session of sessions) {
      slots.add(session.slot);
      await putSession(table, sealer, session);
    }
    const sockets = SOCKETS_EACH * (slots.size + 1);
    await waitFor('The relay did not open every session', () => {
      const isOpen = (relay?.stats().flows ?? 0) >= flows && countSockets() >= sockets;
      return isOpen || undefined;
    });
  },
  stats: (): RelayStats | undefined => relay?.stats(),
};

function countSockets(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'UDPWrap').length;
}

serve(commands);
