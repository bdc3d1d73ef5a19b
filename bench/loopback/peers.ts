/**
 * The two simulated peers, each in a process of its own: the generator is the hosts, the sink is their clients.
 * Started with the name of the one to be.
 */
import type { Socket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { isPing, PING_SIZE, writePing } from '../../core/protocol/rtp/ping.ts';
import { cpuUs, nowNs, serve, type Window } from '../child.ts';
import { DATAGRAM_SIZE, readSentAt, writeSentAt, writeVideoDatagram } from '../datagram.ts';
import { pingPayloadOf } from '../rows.ts';
import { LOOPBACK, openSocket } from '../socket.ts';
import { percentile } from '../statistics.ts';

const PING_INTERVAL_MS = 500;
const NS_PER_S = 1e9;
/** Datagrams that may still be in the generator's own queue keep their bytes: so many buffers take turns. */
const BUFFERS = 512;
/** A generator that is so far behind lets go of the rest: the receiver would only see one burst. */
const BEHIND_NS_MAX = 50e6;
/** A napping sink empties its sockets, blocks so long, and empties them again. */
const NAP_MS = 4;

async function openSockets(count: number): Promise<Socket[]> {
  return await Promise.all(Array.from({ length: count }, () => openSocket(LOOPBACK)));
}

const portsOf = (sockets: readonly Socket[]): number[] => sockets.map((socket) => socket.address().port);

async function connect(socket: Socket, port: number): Promise<void> {
  socket.connect(port, LOOPBACK);
  await once(socket, 'connect');
}

/** What the generator can be asked. */
export type GeneratorCommands = typeof generatorCommands;

/** Sockets of each wire, connected once and for all. */
const hosts = new Map<string, Socket[]>();
const buffers = Array.from({ length: BUFFERS }, () => Buffer.alloc(DATAGRAM_SIZE));
let buffersUsed = 0;
/** Datagrams of each socket so far. */
const packets = new Map<Socket, number>();

const generatorCommands = {
  cpuUs,
  /** Opens the hosts of one wire. @returns their ports. */
  open: async (wire: string, flows: number): Promise<number[]> => {
    const sockets = await openSockets(flows);
    hosts.set(wire, sockets);
    return portsOf(sockets);
  },
  /** Tells each host where to send to. */
  aim: async (wire: string, ports: readonly number[]): Promise<void> => {
    const sockets = hosts.get(wire) ?? [];
    await Promise.all(sockets.map((socket, index) => connect(socket, ports[index % ports.length] ?? 0)));
  },
  /** As a real host: each sends to where the first ping came from. Resolves when all were pinged. */
  awaitPings: async (wire: string): Promise<void> => {
    const connectBack = async (socket: Socket): Promise<void> => {
      const [ping, source] = (await once(socket, 'message')) as [Buffer, { port: number }];
      if (!isPing(ping)) throw new Error('Something else than a ping came first');
      await connect(socket, source.port);
    };
    await Promise.all((hosts.get(wire) ?? []).map(connectBack));
  },
  /**
   * Sends `rate` datagrams per second, over the first `flows` hosts in turn. What is due goes out about each
   * millisecond, by absolute time.
   *
   * @returns datagrams sent in the measured part, and what should have been.
   */
  run: async ({ wire, flows, rate, window }: Generation): Promise<{ sent: number; due: number }> => {
    const sockets = (hosts.get(wire) ?? []).slice(0, flows);
    let next = 0;
    let sent = 0;
    let scheduleNs = window.startNs;
    for (let now = nowNs(); now < window.endNs; now = nowNs()) {
      if (now - scheduleNs > BEHIND_NS_MAX) scheduleNs = now - BEHIND_NS_MAX;
      const due = Math.floor(((now - scheduleNs) * rate) / NS_PER_S);
      for (let count = 0; count < due; count += 1) {
        const socket = sockets[next];
        if (socket === undefined) break;
        next = next + 1 < sockets.length ? next + 1 : 0;
        if (sendOne(socket, next) >= window.fromNs) sent += 1;
      }
      if (due > 0) scheduleNs += (due * NS_PER_S) / rate;
      await delay(1);
    }
    return { sent, due: ((window.endNs - window.fromNs) * rate) / NS_PER_S };
  },
};

interface Generation {
  wire: string;
  flows: number;
  rate: number;
  window: Window;
}

/** @returns the time of sending, ns. */
function sendOne(socket: Socket, ssrc: number): number {
  const index = packets.get(socket) ?? 0;
  packets.set(socket, index + 1);
  buffersUsed += 1;
  const datagram = buffers[buffersUsed % BUFFERS] ?? Buffer.alloc(DATAGRAM_SIZE);
  writeVideoDatagram(datagram, index, ssrc);
  const sentAtNs = nowNs();
  writeSentAt(datagram, sentAtNs);
  socket.send(datagram);
  return sentAtNs;
}

/** What the sink can be asked. */
export type SinkCommands = typeof sinkCommands;

const sleeper = new Int32Array(new SharedArrayBuffer(4));
let isNapping = false;
let clients: Socket[] = [];
let fromNs = Infinity;
let latenciesNs = new Float64Array();
let measured = 0;
let delivered = 0;

function onDatagram(datagram: Buffer): void {
  if (datagram.length !== DATAGRAM_SIZE) return;
  const sentAtNs = readSentAt(datagram);
  delivered += 1;
  if (sentAtNs < fromNs) return;
  latenciesNs[measured] = nowNs() - sentAtNs;
  measured += 1;
}

/** Runs in each turn of the loop; as long as it does, the loop never waits for datagrams. */
function napWhenEmpty(deliveredBefore: number): void {
  if (!isNapping) return;
  if (delivered === deliveredBefore) Atomics.wait(sleeper, 0, 0, NAP_MS);
  setImmediate(napWhenEmpty, delivered);
}

const sinkCommands = {
  cpuUs,
  /** Opens the clients. @returns their ports. */
  open: async (flows: number): Promise<number[]> => {
    clients = await openSockets(flows);
    for (const client of clients) client.on('message', onDatagram);
    return portsOf(clients);
  },
  /** As real clients: each pings the relay's public video port twice a second, from now on. */
  ping: (port: number): void => {
    const ping = Buffer.alloc(PING_SIZE);
    let counter = 0;
    const pingAll = (): void => {
      counter += 1;
      for (const [index, client] of clients.entries()) {
        writePing(ping, pingPayloadOf(index), counter);
        client.send(Uint8Array.from(ping), port, LOOPBACK);
      }
    };
    pingAll();
    setInterval(pingAll, PING_INTERVAL_MS);
  },
  /**
   * Counts from zero; room for `samplesMax` latencies. A napping sink is never waiting when a datagram comes, so no
   * sender spends time on waking it; its latencies then say nothing.
   */
  begin: (window: Window, samplesMax: number, isToNap: boolean): void => {
    if (isToNap && !isNapping) setImmediate(napWhenEmpty, delivered);
    isNapping = isToNap;
    fromNs = window.fromNs;
    latenciesNs = new Float64Array(samplesMax);
    measured = 0;
    delivered = 0;
  },
  /** Datagrams that have come so far, those of the warm-up included. */
  delivered: (): number => delivered,
  /** Of datagrams sent in the measured part: how many came, and how long they took from send call to callback. */
  end: (): Record<'measured' | 'p50Us' | 'p99Us', number> => {
    const sorted = latenciesNs.subarray(0, measured).toSorted();
    return { measured, p50Us: percentile(sorted, 50) / 1000, p99Us: percentile(sorted, 99) / 1000 };
  },
};

serve(process.argv[2] === 'generator' ? generatorCommands : sinkCommands);
