/**
 * Child process of the install bench, in the edge of a lane: fills maps of the kernel, reads them, and forwards with
 * one that holds as many entries as wanted.
 */
import { closeSync } from 'node:fs';
import { Bpf, type BpfMap } from '../../relay/datapath/kernel/bpf.ts';
import { ENTRY, FLAG, KEY4 } from '../../relay/datapath/kernel/layout.ts';
import { loadLibc } from '../../relay/datapath/kernel/libc.ts';
import { Network } from '../../relay/datapath/kernel/network.ts';
import { KernelProgram } from '../../relay/datapath/kernel/program.ts';
import { nowNs, serve } from '../child.ts';
import { CLIENT_PORT, type Lane } from '../stage/lanes.ts';
import { keepTime, readMemory, readRuns, updateBatch } from './bpf.ts';
import { addressOf, formatEntries, listIdle, LIVE_SLOT_PORT, numberOf, type RouteEnds } from './entries.ts';
import type { InstallCase, Way } from './summary.ts';

const PUBLIC_PORT = 48_100;

/** How many entries a map has, those of the flows included, and how many it has room for. */
export type Fill = Record<'entries' | 'entriesMax', number>;

/** What an edge can be asked. */
export type EdgeCommands = typeof commands;

const libc = loadLibc();
const bpf = new Bpf(libc);
const network = new Network(libc);
let timekeeping: number | undefined;

const commands = {
  /** Into a map that holds nothing yet. @returns ms, from the ends of legs to entries in the map. */
  install: ({ sessions, entriesEach }: InstallCase, way: Way, entriesMax: number): number =>
    withMap(entriesMax, (map) => {
      const ends = listIdle(sessions, entriesEach);
      const startNs = nowNs();
      if (way === 'batch') installTogether(map, ends);
      else installEach(map, ends, way);
      const ms = (nowNs() - startNs) / 1e6;
      assertCount(map, ends.length);
      return ms;
    }),
  /** @returns ms that it takes to read the counts of so many entries. */
  readCounts: (entries: number): number =>
    withMap(entries, (map) => {
      installTogether(map, listIdle(entries, 1));
      const startNs = nowNs();
      assertCount(map, entries);
      return (nowNs() - startNs) / 1e6;
    }),
  /** @returns bytes of the kernel's memory that an IPv4 map with room for so many takes. */
  mapBytes: (entriesMax: number): number => withMap(entriesMax, readMemory),
  /** From now on the lane's datagrams are forwarded. @param hostPorts - one for each flow */
  forward: (lane: Lane, hostPorts: readonly number[], { entries, entriesMax }: Fill): void => {
    const program = new KernelProgram(libc, { devices: ['to-pod'], entriesMax, pinFolder: '' });
    const devices = network.listDevices();
    const ifindexOf = (device: string): number => devices.find(({ name }) => name === device)?.ifindex ?? 0;
    const live = hostPorts.map((hostPort, flow): RouteEnds => ({
      host: [numberOf(lane.pod), hostPort],
      slot: [numberOf(lane.edgeToPod), LIVE_SLOT_PORT],
      client: [numberOf(lane.clients[flow] ?? ''), CLIENT_PORT],
      public: [numberOf(lane.edgeToClient), PUBLIC_PORT],
      ifindex: ifindexOf('to-client'),
      hostIfindex: ifindexOf('to-pod'),
      flags: FLAG.VIDEO,
    }));
    installTogether(program.routes4, [...listIdle(entries - live.length, 1), ...live]);
    assertCount(program.routes4, entries);
    program.attach(devices, (error) => {
      process.emitWarning(String(error));
    });
  },
  /** Whether the kernel is to take the time of programs' runs, as long as this process lives. */
  keepTime: (isWanted: boolean): void => {
    if (timekeeping !== undefined) closeSync(timekeeping);
    timekeeping = isWanted ? keepTime(libc) : undefined;
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

function installEach(map: BpfMap, ends: readonly RouteEnds[], way: Way): void {
  // One that remembers nothing yet.
  const routes = way === 'routed' ? new Network(libc) : undefined;
  for (const end of ends) {
    routes?.findRoute(addressOf(end.host[0]));
    routes?.findRoute(addressOf(end.client[0]));
    const { keys, values } = formatEntries([end]);
    bpf.update(map, keys, values);
  }
  routes?.close();
}

function installTogether(map: BpfMap, ends: readonly RouteEnds[]): void {
  const { keys, values } = formatEntries(ends);
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
