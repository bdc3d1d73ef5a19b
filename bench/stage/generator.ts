/**
 * The generator, in a process of its own in the pod's namespace: the hosts of all lanes, with a socket for each flow.
 * Datagrams go out in bursts of one flow, as the packets of a frame do.
 */
import { formatSockaddr, numberOption, openUdpSocket } from '../../test/support/kernel-libc.ts';
import { setSocketOption, testLibc } from '../../test/support/kernel-libc.ts';
import type { Destination } from '../bare-process.ts';
import { nowNs, serve, type Window } from '../child.ts';
import { DATAGRAM_SIZE, writeSentAt, writeVideoDatagram } from '../datagram.ts';
import { Batch } from './batch.ts';
import { FLOWS, type Lane } from './lanes.ts';
import { openSharedCounter, OPTION, sendMany, sleepUntil } from './libc.ts';

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
type Generated = Record<'sent' | 'measured', number>;

/** What the generator can be asked. */
export type GeneratorCommands = typeof commands;

const batch = new Batch({ count: BURST_MAX, size: DATAGRAM_SIZE });
/** Sockets of each lane. */
const hosts = new Map<number, number[]>();
/** Packets of each flow so far. */
const packets = new Uint32Array(1000);
/** What the sink has. */
const received = openSharedCounter(process.argv[2] ?? '');

const commands = {
  /** Where the hosts of one lane send to, each flow. @returns the hosts' ports. */
  aim: (lane: Lane, destinations: readonly Destination[]): number[] => {
    const sockets = destinations.map(({ address, port }, flow) => {
      const socket = openUdpSocket(lane.pod, HOST_PORT_BASE + flow);
      const sockaddr = formatSockaddr(address, port);
      if (testLibc().connect(socket, sockaddr, sockaddr.length) === 0) return socket;
      throw new Error(`A host cannot be connected to ${address}`);
    });
    hosts.set(lane.index, sockets);
    return sockets.map((_, flow) => HOST_PORT_BASE + flow);
  },
  run: (generation: Generation): Generated => {
    const { lane, burst, isSegmented } = generation;
    const sockets = hosts.get(lane) ?? [];
    const option = numberOption(isSegmented ? DATAGRAM_SIZE : 0);
    for (const socket of sockets) setSocketOption(socket, OPTION.sendSegmentBytes, option);
    batch.setSize(0, isSegmented ? burst * DATAGRAM_SIZE : DATAGRAM_SIZE);
    return generate(sockets, generation);
  },
};

function generate(
  sockets: readonly number[],
  { lane, window, load, burst, isSegmented }: Generation,
): Generated {
  const done: Generated = { sent: 0, measured: 0 };
  const wait = 'rate' in load ? createPace(window, load.rate, burst) : createCredit(done, load.onTheWayMax);
  sleepUntil(window.startNs);
  for (let turn = 0; ; turn += 1) {
    wait();
    const now = nowNs();
    if (now >= window.endNs) return done;
    const flow = turn % sockets.length;
    write(lane * FLOWS + flow, flow, burst, now);
    const count = sendMany(sockets[flow] ?? -1, batch.headers, isSegmented ? 1 : burst);
    const sent = isSegmented ? count * burst : count;
    done.sent += sent;
    if (now >= window.fromNs) done.measured += sent;
  }
}

/** @param at - of the flow among those of all lanes */
function write(at: number, flow: number, burst: number, now: number): void {
  const index = packets[at] ?? 0;
  for (let place = 0; place < burst; place += 1) {
    const datagram = batch.messages[place];
    if (datagram === undefined) break;
    writeVideoDatagram(datagram, index + place, flow);
    writeSentAt(datagram, now);
  }
  packets[at] = index + burst;
}

/** Waits until the next burst is due, by absolute time. */
function createPace({ startNs }: Window, rate: number, burst: number): () => void {
  const stepNs = (burst * NS_PER_S) / rate;
  let dueNs = startNs;
  return () => {
    dueNs += stepNs;
    const now = nowNs();
    if (now < dueNs) sleepUntil(dueNs);
    else if (now - dueNs > BEHIND_NS_MAX) dueNs = now - BEHIND_NS_MAX;
  };
}

/** Waits until fewer than `onTheWayMax` are on the way. */
function createCredit(done: Generated, onTheWayMax: number): () => void {
  let lost = 0;
  return () => {
    let came = Atomics.load(received, 0);
    let cameAt = nowNs();
    while (done.sent - lost - came >= onTheWayMax) {
      sleepUntil(nowNs() + WAIT_NS);
      const cameNow = Atomics.load(received, 0);
      if (cameNow !== came) cameAt = nowNs();
      else if (nowNs() - cameAt > LOST_NS) lost = done.sent - cameNow;
      came = cameNow;
    }
  };
}

serve(commands);
