/**
 * The sink, in a process of its own in the client's namespace: the clients of all lanes, on one socket. It counts, takes
 * the latency of each datagram, and pings the relay as clients do.
 */
import { createHistogram } from 'node:perf_hooks';
import { PING_SIZE, writePing } from '../../core/protocol/rtp/ping.ts';
import { bytesOf } from '../../relay/datapath/kernel/address.ts';
import { allocate } from '../../relay/datapath/kernel/libc.ts';
import { numberOption, openUdpSocket, setSocketOption } from '../../test/support/kernel-libc.ts';
import type { Destination } from '../bare-process.ts';
import { nowNs, serve, type Window } from '../child.ts';
import { DATAGRAM_SIZE, readSentAt } from '../datagram.ts';
import { pingPayloadOf } from '../rows.ts';
import { Batch } from './batch.ts';
import { CLIENT_PORT, type Lane } from './lanes.ts';
import { openSharedCounter, OPTION, receiveMany, sendMany } from './libc.ts';
import { formatAllocate, formatChannelBind, parseTurnAnswer } from './turn.ts';

const BUFFER_BYTES = 32 * 1024 * 1024;
/** A blocked call looks up so often, so that the process can end. */
const TIMEOUT_US = 20_000;
const PING_INTERVAL_NS = 500e6;
/** Patience with a TURN server. */
const ANSWER_NS = 300e6;
/** Messages taken by one call; each may be a datagram, or many that came together. */
const BATCH = { count: 64, size: 65_536 };

/** What is to be received. */
interface Reception {
  window: Window;
  /** How long after the window's end. */
  drainNs: number;
  /** Whose clients ping meanwhile. */
  pingLane?: number;
  /** Whether the kernel may hand over datagrams of one sender together (UDP_GRO). */
  isTogether: boolean;
}

/** What came: datagrams sent from the start of the window on, those from its measured part, and pings that were sent. */
type Count = Record<'delivered' | 'measured' | 'pings', number>;

/** A port of a lane's edge at which a TURN server listens. */
interface TurnServer {
  lane: Lane;
  port: number;
}

/** What the sink can be asked. */
export type SinkCommands = typeof commands;

const batch = new Batch(BATCH);
/** µs from the send call to what the receiving call gave back. */
const latencies = createHistogram();
/** By lane; one at most for each. */
const pings = new Map<number, Batch>();
const socket = openSocket();
let pingCounter = 0;
/** For the generator. */
const received = openSharedCounter(process.argv[2] ?? '');

const commands = {
  /** From now on the clients of this lane can ping `port` of its edge. */
  aimPings: ({ lane, port }: { lane: Lane; port: number }): void => {
    pings.set(lane.index, createClientBatch(lane, port, PING_SIZE));
  },
  /** Each client of the lane asks the TURN server. @returns the relayed ports. @throws Error */
  allocate: (server: TurnServer): number[] => {
    const requests = server.lane.clients.map((_, flow) => formatAllocate(flow));
    return exchange(server, requests).map((relayedPort) => relayedPort ?? 0);
  },
  /** Once more renews. @throws Error */
  bindChannels: (server: TurnServer, peers: readonly Destination[]): void => {
    const requests = peers.map((peer, flow) => formatChannelBind(flow, peer));
    exchange(server, requests);
  },
  receive: ({
    window,
    drainNs,
    pingLane,
    isTogether,
  }: Reception): Count & Record<'p50Us' | 'p99Us', number> => {
    setSocketOption(socket, OPTION.receiveSegmentsTogether, numberOption(isTogether ? 1 : 0));
    const count = { delivered: 0, measured: 0, pings: 0 };
    let pingDueNs = pingLane === undefined ? Infinity : 0;
    latencies.reset();
    Atomics.store(received, 0, 0);
    for (let now = nowNs(); now < window.endNs + drainNs;) {
      if (now >= pingDueNs) {
        count.pings += ping(pingLane);
        pingDueNs = now + PING_INTERVAL_NS;
      }
      const came = receiveMany(socket, batch.headers, BATCH.count);
      now = nowNs();
      for (let index = 0; index < came; index += 1) take(index, now, window, count);
      Atomics.store(received, 0, count.delivered);
    }
    const percentile = (percent: number): number =>
      count.measured > 0 ? latencies.percentile(percent) : NaN;
    return { ...count, p50Us: percentile(50), p99Us: percentile(99) };
  },
};

/** A message from each client of a lane to a port of its edge. */
function createClientBatch({ clients, edgeToClient }: Lane, port: number, size: number): Batch {
  const batch = new Batch({ count: clients.length, size });
  for (const [flow, client] of clients.entries()) {
    batch.setDestination(flow, edgeToClient, port);
    batch.setControl(flow, formatSource(client));
  }
  return batch;
}

/** Sends request n from client n and waits for all answers. Request n has the transaction id n. */
function exchange({ lane, port }: TurnServer, requests: readonly Buffer[]): (number | undefined)[] {
  const messages = createClientBatch(lane, port, requests[0]?.length ?? 0);
  for (const [flow, request] of requests.entries()) messages.messages[flow]?.set(request);
  sendMany(socket, messages.headers, requests.length);
  /** By transaction id. */
  const answers = new Map<number, number | undefined>();
  const untilNs = nowNs() + ANSWER_NS;
  while (answers.size < requests.length) {
    if (nowNs() >= untilNs) throw new Error('The TURN server did not answer, or refused');
    const came = receiveMany(socket, batch.headers, BATCH.count);
    for (const [index, message] of batch.messages.slice(0, came).entries()) {
      const answer = parseTurnAnswer(message.subarray(0, batch.lengthOf(index)));
      if (answer !== undefined) answers.set(answer.transaction, answer.relayedPort);
    }
  }
  return requests.map((_, flow) => answers.get(flow));
}

function openSocket(): number {
  const socket = openUdpSocket('0.0.0.0', CLIENT_PORT);
  const timeout = BigInt64Array.of(0n, BigInt(TIMEOUT_US));
  setSocketOption(socket, OPTION.receiveTimeout, new Uint8Array(timeout.buffer));
  setSocketOption(socket, OPTION.receiveBufferForced, numberOption(BUFFER_BYTES));
  return socket;
}

/** `IP_PKTINFO` with the address to send from: one socket has them all. */
function formatSource(address: string): Uint8Array<ArrayBuffer> {
  const control = allocate(32);
  const view = new DataView(control.buffer);
  view.setBigUint64(0, 28n, true);
  view.setInt32(12, 8, true);
  control.set(bytesOf(address), 20);
  return control;
}

/** Some forwarders put a header of theirs before the datagram: what counts are its last bytes. */
function take(index: number, now: number, window: Window, count: Count): void {
  const length = batch.lengthOf(index);
  const message = batch.messages[index];
  if (message === undefined || length < DATAGRAM_SIZE) return;
  const header = length % DATAGRAM_SIZE;
  const sentAtNs = readSentAt(message, header);
  if (sentAtNs < window.startNs) return;
  const datagrams = (length - header) / DATAGRAM_SIZE;
  count.delivered += datagrams;
  if (sentAtNs < window.fromNs) return;
  count.measured += datagrams;
  latencies.record(Math.max(1, Math.floor((now - sentAtNs) / 1000)));
}

/** @returns how many were sent. */
function ping(lane = NaN): number {
  const batch = pings.get(lane);
  if (batch === undefined) return 0;
  pingCounter += 1;
  for (const [flow, message] of batch.messages.entries())
    writePing(message, pingPayloadOf(flow), pingCounter);
  return sendMany(socket, batch.headers, batch.messages.length);
}

serve(commands);
