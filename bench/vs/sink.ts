/**
 * The sink of the side-by-side bench, in a process of its own in the client's namespace: the clients of all lanes, on one socket. It
 * counts, takes the latency of each datagram, and pings the relay as clients do.
 */
import { PING_SIZE, writePing } from '../../core/protocol/rtp/ping.ts';
import { allocate } from '../../relay/datapath/kernel/libc.ts';
import { nowNs, serve } from '../child.ts';
import { DATAGRAM_SIZE, readSentAtFrom } from '../datagram.ts';
import { pingPayloadOf } from '../rows.ts';
import { Batch } from './batch.ts';
import type { Destination } from '../forwarders.ts';
import type { Window } from './generator.ts';
import { Histogram } from './histogram.ts';
import { CLIENT_PORT, type Lane } from './lanes.ts';
import { bytesOf, formatAddress, intOf, loadPeerLibc, OPTION, WAIT_FOR_ONE } from './libc.ts';
import { openSharedCounter, type SharedCounter } from './shared-counter.ts';
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
export interface Reception {
  window: Window;
  /** How long after the window's end. */
  drainNs: number;
  /** Whose clients ping meanwhile. */
  pingLane?: number;
  /** Whether the kernel may hand over datagrams of one sender together (UDP_GRO). */
  isTogether: boolean;
}

/** What came. */
export interface Received {
  /** Datagrams sent from the start of the window on, and from its measured part. */
  delivered: number;
  measured: number;
  /** From send call to what the receiving call gave back, µs. */
  p50Us: number;
  p99Us: number;
  pings: number;
}

/** What the sink can be asked. */
export type SinkCommands = typeof commands;

const libc = loadPeerLibc();
const batch = new Batch(libc, BATCH);
const latencies = new Histogram();
const pings = new Map<number, Batch>();
const socket = openSocket();
let pingCounter = 0;
let received: SharedCounter | undefined;

const commands = {
  /** @param path - of the counter that the generator reads */
  open: (path: string): void => {
    received = openSharedCounter(libc, path);
  },
  /** From now on the clients of this lane can ping `port` of its edge. */
  aimPings: ({ lane, port }: { lane: Lane; port: number }): void => {
    pings.set(lane.index, createClientBatch(lane, port, PING_SIZE));
  },
  /** Each client of the lane asks the TURN server at its edge. @returns the relayed ports. @throws Error */
  allocate: ({ lane, port }: TurnServer): number[] => {
    return exchange(
      { lane, port },
      lane.clients.map((_, flow) => formatAllocate(flow)),
    ).map((relayedPort) => relayedPort ?? 0);
  },
  /** Once more renews. @throws Error */
  bindChannels: ({ lane, port, peers }: TurnServer & { peers: readonly Destination[] }): void => {
    exchange(
      { lane, port },
      peers.map((peer, flow) => formatChannelBind(flow, peer)),
    );
  },
  receive: (reception: Reception): Received => {
    libc.setOption(socket, OPTION.receiveSegmentsTogether, intOf(reception.isTogether ? 1 : 0));
    return receive(reception);
  },
};

interface TurnServer {
  lane: Lane;
  /** Of its edge. */
  port: number;
}

/** A message from each client of a lane to a port of its edge. */
function createClientBatch({ clients, edgeToClient }: Lane, port: number, size: number): Batch {
  const batch = new Batch(libc, { count: clients.length, size });
  const destination = formatAddress(edgeToClient, port);
  for (const [flow, client] of clients.entries()) {
    batch.setDestination(flow, destination);
    batch.setControl(flow, formatSource(client));
  }
  return batch;
}

/** Sends request n from client n and waits for all answers. Request n has the transaction id n. */
function exchange({ lane, port }: TurnServer, requests: readonly Buffer[]): (number | undefined)[] {
  const batch = createClientBatch(lane, port, requests[0]?.length ?? 0);
  for (const [flow, request] of requests.entries()) batch.messages[flow]?.set(request);
  libc.send(socket, batch.headers, requests.length);
  const answers = new Map<number, number | undefined>();
  const untilNs = nowNs() + ANSWER_NS;
  while (answers.size < requests.length && nowNs() < untilNs) takeAnswers(answers);
  if (answers.size < requests.length) throw new Error('The TURN server did not answer, or refused');
  return requests.map((_, flow) => answers.get(flow));
}

function takeAnswers(answers: Map<number, number | undefined>): void {
  const came = libc.receive(socket, batch.headers, BATCH.count, WAIT_FOR_ONE);
  for (let index = 0; index < came; index += 1) {
    const answer = parseTurnAnswer(
      batch.messages[index]?.subarray(0, batch.lengthOf(index)) ?? Buffer.alloc(0),
    );
    if (answer?.isSuccess === true) answers.set(answer.transaction, answer.relayedPort);
  }
}

function openSocket(): number {
  const socket = libc.openSocket('0.0.0.0', CLIENT_PORT);
  const timeout = new BigInt64Array(allocate(16).buffer);
  timeout[1] = BigInt(TIMEOUT_US);
  libc.setOption(socket, OPTION.receiveTimeout, new Uint8Array(timeout.buffer));
  libc.setOption(socket, OPTION.receiveBufferForced, intOf(BUFFER_BYTES));
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

function receive({ window, drainNs, pingLane }: Reception): Received {
  const untilNs = window.endNs + drainNs;
  const count = { delivered: 0, measured: 0, pings: 0 };
  let pingDueNs = 0;
  latencies.clear();
  received?.write(0);
  for (let now = nowNs(); now < untilNs;) {
    if (pingLane !== undefined && now >= pingDueNs) {
      count.pings += ping(pingLane);
      pingDueNs = now + PING_INTERVAL_NS;
    }
    const came = libc.receive(socket, batch.headers, BATCH.count, WAIT_FOR_ONE);
    now = nowNs();
    for (let index = 0; index < came; index += 1) take(index, now, window, count);
    received?.write(count.delivered);
  }
  const { delivered, measured } = count;
  const [p50Us, p99Us] = [latencies.percentile(50), latencies.percentile(99)];
  return { delivered, measured, p50Us, p99Us, pings: count.pings };
}

/** Some forwarders put a header of theirs before the datagram: what counts are its last bytes. */
function take(
  index: number,
  now: number,
  window: Window,
  count: { delivered: number; measured: number },
): void {
  const length = batch.lengthOf(index);
  const message = batch.messages[index];
  if (message === undefined || length < DATAGRAM_SIZE) return;
  const header = length % DATAGRAM_SIZE;
  const sentAtNs = readSentAtFrom(message, header);
  if (sentAtNs < window.startNs) return;
  const datagrams = (length - header) / DATAGRAM_SIZE;
  count.delivered += datagrams;
  if (sentAtNs < window.fromNs) return;
  count.measured += datagrams;
  latencies.add((now - sentAtNs) / 1000);
}

function ping(lane: number): number {
  const batch = pings.get(lane);
  if (batch === undefined) return 0;
  pingCounter += 1;
  for (const [flow, message] of batch.messages.entries())
    writePing(message, pingPayloadOf(flow), pingCounter);
  return libc.send(socket, batch.headers, batch.messages.length);
}

serve(commands);
