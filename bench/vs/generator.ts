/**
 * The generator of the side-by-side bench, in a process of its own in the pod's namespace: the hosts of all lanes, with a socket for
 * each flow. Datagrams go out in bursts of one flow, as the packets of a frame do.
 */
import { nowNs, serve } from '../child.ts';
import type { Destination } from '../forwarders.ts';
import { DATAGRAM_SIZE, writeSentAt, writeVideoDatagram } from '../datagram.ts';
import { Batch } from './batch.ts';
import type { Lane } from './lanes.ts';
import { intOf, loadPeerLibc, OPTION } from './libc.ts';
import { openSharedCounter, type SharedCounter } from './shared-counter.ts';

const NS_PER_S = 1e9;
/** Ports of the hosts: those of flow n are this and n. */
const HOST_PORT_BASE = 41_000;
const BURST_MAX = 40;
/** A generator that is so far behind lets go of the rest: the receiver would only see one burst. */
const BEHIND_NS_MAX = 20e6;
/** While too many are on the way it looks again so often. */
const WAIT_NS = 100e3;
/** What has not come after so long without any coming is lost. */
const LOST_NS = 5e6;

/** Where the hosts of one lane send to. */
export interface Aim {
  lane: Lane;
  /** One for each flow. */
  destinations: readonly Destination[];
}

/** One measurement's time, on the machine's monotonic clock: sending from start to end, measured from `fromNs` on. */
export interface Window {
  startNs: number;
  fromNs: number;
  endNs: number;
}

/** What is to be sent. */
export interface Generation {
  lane: number;
  window: Window;
  /** Datagrams per second, all flows together; or as many as come through, never more than so many on the way. */
  load: { rate: number } | { onTheWayMax: number };
  /** Datagrams of one burst; the next one is another flow's. */
  burst: number;
  /** Whether a burst is one send call with one buffer that the kernel cuts up (UDP_SEGMENT). */
  isSegmented: boolean;
}

/** Datagrams sent, in the whole window and in its measured part. */
export interface Generated {
  sent: number;
  measured: number;
}

/** What the generator can be asked. */
export type GeneratorCommands = typeof commands;

const libc = loadPeerLibc();
const batch = new Batch(libc, { count: BURST_MAX, size: DATAGRAM_SIZE });
/** Sockets of each lane. */
const hosts = new Map<number, number[]>();
/** Packets of each flow so far, all lanes together: numbers have gaps where another lane had its turn. */
const packets = new Uint32Array(1000);
let received: SharedCounter | undefined;

const commands = {
  /** @param path - of the counter that the sink writes */
  open: (path: string): void => {
    received = openSharedCounter(libc, path);
  },
  /** @returns the hosts' ports. */
  aim: ({ lane, destinations }: Aim): number[] => {
    const ports = destinations.map((_, flow) => HOST_PORT_BASE + flow);
    const sockets = destinations.map(({ address, port }, flow) => {
      const socket = libc.openSocket(lane.pod, HOST_PORT_BASE + flow);
      libc.connect(socket, address, port);
      return socket;
    });
    hosts.set(lane.index, sockets);
    return ports;
  },
  run: (generation: Generation): Generated => {
    const sockets = hosts.get(generation.lane) ?? [];
    prepare(sockets, generation);
    return generate(sockets, generation);
  },
};

/** Tells the sockets and the batch whether a burst is one message or many. */
function prepare(sockets: readonly number[], { burst, isSegmented }: Generation): void {
  for (const socket of sockets) {
    libc.setOption(socket, OPTION.sendSegmentBytes, intOf(isSegmented ? DATAGRAM_SIZE : 0));
  }
  batch.setSize(0, isSegmented ? burst * DATAGRAM_SIZE : DATAGRAM_SIZE);
}

function generate(sockets: readonly number[], generation: Generation): Generated {
  const { window, load, burst, isSegmented } = generation;
  const done: Generated = { sent: 0, measured: 0 };
  const wait = 'rate' in load ? createPace(window, load.rate, burst) : createCredit(done, load.onTheWayMax);
  libc.sleepUntil(window.startNs);
  for (let turn = 0; ; turn += 1) {
    wait();
    const now = nowNs();
    if (now >= window.endNs) return done;
    const flow = turn % sockets.length;
    write(generation.lane, flow, burst, now);
    const count = libc.send(sockets[flow] ?? -1, batch.headers, isSegmented ? 1 : burst);
    const sent = isSegmented ? count * burst : count;
    done.sent += sent;
    if (now >= window.fromNs) done.measured += sent;
  }
}

function write(lane: number, flow: number, burst: number, now: number): void {
  const at = lane * 20 + flow;
  let index = packets[at] ?? 0;
  for (let place = 0; place < burst; place += 1) {
    const datagram = batch.messages[place];
    if (datagram === undefined) break;
    writeVideoDatagram(datagram, index, flow);
    writeSentAt(datagram, now);
    index += 1;
  }
  packets[at] = index;
}

/** Waits until the next burst is due, by absolute time. */
function createPace({ startNs }: Window, rate: number, burst: number): () => void {
  const stepNs = (burst * NS_PER_S) / rate;
  let dueNs = startNs;
  return () => {
    dueNs += stepNs;
    const now = nowNs();
    if (now < dueNs) libc.sleepUntil(dueNs);
    else if (now - dueNs > BEHIND_NS_MAX) dueNs = now - BEHIND_NS_MAX;
  };
}

/** Waits until fewer than `onTheWayMax` are on the way. */
function createCredit(done: Generated, onTheWayMax: number): () => void {
  let lost = 0;
  return () => {
    let came = readReceived();
    let cameAt = nowNs();
    while (done.sent - lost - came >= onTheWayMax) {
      libc.sleepUntil(nowNs() + WAIT_NS);
      const cameNow = readReceived();
      if (cameNow !== came) cameAt = nowNs();
      else if (nowNs() - cameAt > LOST_NS) lost = done.sent - cameNow;
      came = cameNow;
    }
  };
}

function readReceived(): number {
  return received?.read() ?? 0;
}

serve(commands);
