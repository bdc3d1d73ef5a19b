/**
 * Child process of the install bench, in the edge of a lane: fills maps of the kernel, reads them, and forwards with
 * one that holds as many entries as wanted.
 */
import { closeSync } from 'node:fs';
import { Bpf, type BpfMap } from '../../relay/datapath/kernel/bpf.ts';
import { ENTRY, FLAG, KEY4 } from '../../relay/datapath/kernel/layout.ts';
import { allocate, loadLibc } from '../../relay/datapath/kernel/libc.ts';
import { Network } from '../../relay/datapath/kernel/network.ts';
import { KernelProgram } from '../../relay/datapath/kernel/program.ts';
import { nowNs, serve } from '../child.ts';
import { keepTime, readMemory, readRuns, updateBatch } from './bpf.ts';
import {
  addressOf,
  idleEnds,
  LIVE_SLOT_PORT,
  numberOf,
  writeKey,
  writeValue,
  type RouteEnds,
} from './entries.ts';
import type { Way } from './summary.ts';
import { CLIENT_PORT, type Lane } from '../vs/lanes.ts';

const NS_PER_MS = 1e6;
const PUBLIC_PORT = 48_100;

/** What is to be installed, into a map of `entriesMax` that holds nothing yet. */
export interface InstallOrder {
  sessions: number;
  /** 1..3. */
  entriesEach: number;
  entriesMax: number;
  way: Way;
}

/** A lane's program. */
export interface ForwardOrder {
  lane: Lane;
  /** UDP ports of the hosts, one for each flow. */
  hostPorts: readonly number[];
  /** In the map, those of the flows included. */
  entries: number;
  entriesMax: number;
}

/** What an edge can be asked. */
export type EdgeCommands = typeof commands;

const libc = loadLibc();
const bpf = new Bpf(libc);
const network = new Network(libc);
let timekeeping: number | undefined;

const commands = {
  /** @returns ms, from the ends of legs to entries in the map. */
  install: (order: InstallOrder): number =>
    withMap(order.entriesMax, (map) => {
      const ends = listIdle(order.sessions, order.entriesEach);
      const startNs = nowNs();
      install(map, ends, order);
      const ms = (nowNs() - startNs) / NS_PER_MS;
      assertCount(map, ends.length);
      return ms;
    }),
  /** @returns ms that it takes to read the counts of so many entries. */
  readCounts: (entries: number): number =>
    withMap(entries, (map) => {
      installTogether(map, listIdle(entries, 1));
      const startNs = nowNs();
      assertCount(map, entries);
      return (nowNs() - startNs) / NS_PER_MS;
    }),
  /** @returns bytes of the kernel's memory that an IPv4 map with room for so many takes. */
  mapBytes: (entriesMax: number): number => withMap(entriesMax, readMemory),
  /** From now on the lane's datagrams are forwarded; by a map with so many entries. */
  forward: ({ lane, hostPorts, entries, entriesMax }: ForwardOrder): void => {
    const program = new KernelProgram(libc, { devices: ['to-pod'], entriesMax, pinFolder: '' });
    const devices = network.listDevices();
    const ifindexOf = (device: string): number => devices.find(({ name }) => name === device)?.ifindex ?? 0;
    const [ifindex, hostIfindex] = [ifindexOf('to-client'), ifindexOf('to-pod')];
    const live = hostPorts.map((hostPort, flow) => ({
      host: numberOf(lane.pod),
      hostPort,
      slot: numberOf(lane.edgeToPod),
      slotPort: LIVE_SLOT_PORT,
      client: numberOf(lane.clients[flow] ?? ''),
      clientPort: CLIENT_PORT,
      public: numberOf(lane.edgeToClient),
      publicPort: PUBLIC_PORT,
      ifindex,
      hostIfindex,
      flags: FLAG.VIDEO,
    }));
    const idle = listIdle(entries - live.length, 1);
    installTogether(program.routes4, [...idle, ...live]);
    assertCount(program.routes4, entries);
    program.attach(devices, (error) => {
      process.emitWarning(String(error));
    });
  },
  /** Whether the kernel is to take the time of programs' runs, as long as this process lives. */
  keepTime: (isWanted: boolean): void => {
    if (isWanted) timekeeping ??= keepTime(libc);
    else if (timekeeping !== undefined) {
      closeSync(timekeeping);
      timekeeping = undefined;
    }
  },
  /** Of the lane's program, while time was taken. */
  runs: readRuns,
};

/** A map that is gone afterwards. */
function withMap<T>(maxEntries: number, use: (map: BpfMap) => T): T {
  const map = bpf.createMap({ keySize: KEY4.size, valueSize: ENTRY.size, maxEntries });
  try {
    return use(map);
  } finally {
    bpf.close(map.descriptor);
  }
}

function listIdle(sessions: number, entriesEach: number): RouteEnds[] {
  return Array.from({ length: sessions * entriesEach }, (_, index) =>
    idleEnds(Math.floor(index / entriesEach), index % entriesEach),
  );
}

function install(map: BpfMap, ends: readonly RouteEnds[], { way }: InstallOrder): void {
  if (way === 'batch') {
    installTogether(map, ends);
    return;
  }
  // One that remembers nothing yet.
  const routes = way === 'routed' ? new Network(libc) : undefined;
  for (const end of ends) {
    routes?.findRoute(addressOf(end.host));
    routes?.findRoute(addressOf(end.client));
    const key = allocate(KEY4.size);
    const value = allocate(ENTRY.size);
    writeKey(new DataView(key.buffer), 0, end);
    writeValue(new DataView(value.buffer), 0, end);
    bpf.update(map, key, value);
  }
  routes?.close();
}

function installTogether(map: BpfMap, ends: readonly RouteEnds[]): void {
  const keys = allocate(ends.length * KEY4.size);
  const values = allocate(ends.length * ENTRY.size);
  const keyView = new DataView(keys.buffer);
  const valueView = new DataView(values.buffer);
  for (const [index, end] of ends.entries()) {
    writeKey(keyView, index * KEY4.size, end);
    writeValue(valueView, index * ENTRY.size, end);
  }
  updateBatch(libc, map, keys, values);
}

/** Reads all entries as the relay's engine does. */
function assertCount(map: BpfMap, expected: number): void {
  let entries = 0;
  bpf.forEach(map, (value) => {
    entries += 1;
    value.getBigUint64(ENTRY.datagrams, true);
    value.getBigUint64(ENTRY.bytes, true);
  });
  if (entries !== expected) throw new Error(`${entries} entries are in the map, not ${expected}`);
}

serve(commands);
