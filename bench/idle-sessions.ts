/**
 * A process with what a session costs in the appliance: the session table, the relay and the RTSP server. Started
 * by memory.ts. Needs `--expose-gc`.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Registry } from 'prom-client';
import { createLogger } from '../core/runtime/log.ts';
import { createSealer } from '../core/runtime/seal.ts';
import { createMemoryTable } from '../core/session/memory.ts';
import { RtspGate } from '../proxy/rtsp/gate.ts';
import { createRtspServer } from '../proxy/rtsp/listener.ts';
import { createRelay } from '../relay/relay.ts';
import { cpuUs, serve } from './child.ts';
import { collect } from './collect.ts';
import { ON_LOOPBACK } from './relay-config.ts';
import { putSession } from './rows.ts';
import { Origins } from '../proxy/origin/origins.ts';

const ADDRESS = '127.0.0.1';
/** Control, video, audio. */
const SOCKETS_PER_SLOT = 3;
const POLL_MS = 50;
const OPEN_MS_MAX = 20_000;
/** Hosts that never send need no socket of their own here: only their ports must differ. */
const HOST_PORT_BASE = 30_000;

/** What this process can be asked. */
export type IdleCommands = typeof commands;

const sealer = createSealer(randomBytes(32));
const table = createMemoryTable();
const log = createLogger('warn', process.stderr);
const register = new Registry();
const relay = createRelay({
  name: 'local',
  config: ON_LOOPBACK,
  table: table.reader,
  flows: table.writer('flow'),
  sealer,
  log,
  register,
});
const rtsp = createRtspServer({
  config: {
    bindAddress: ADDRESS,
    port: 0,
    publicPorts: () => ({ control: 47_999, video: 48_100, audio: 48_200 }),
    allowLoopback: true,
  },
  table: table.reader,
  streams: table.writer('stream'),
  sealer,
  claims: table.claims,
  origins: new Origins(),
  gate: new RtspGate({ claims: table.claims, log }),
  log,
  register,
});

function udpSockets(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'UDPWrap').length;
}

const commands = {
  cpuUs,
  start: async (): Promise<void> => {
    await relay.start();
    await rtsp.start();
  },
  memory: collect,
  /** Puts sessions `from` to `to - 1` and waits until the relay has them and their sockets. */
  add: async ({ from, to, slots }: { from: number; to: number; slots: number }): Promise<void> => {
    const socketsWanted = udpSockets() + SOCKETS_PER_SLOT * (Math.min(to, slots) - Math.min(from, slots));
    for (let index = from; index < to; index += 1) {
      await putSession(table, sealer, { index, slot: index % slots, hostVideoPort: HOST_PORT_BASE + index });
    }
    const deadline = performance.now() + OPEN_MS_MAX;
    while (relay.stats().flows < to || udpSockets() < socketsWanted) {
      if (performance.now() > deadline) throw new Error('The relay did not open every session');
      await delay(POLL_MS);
    }
  },
};

serve(commands);
