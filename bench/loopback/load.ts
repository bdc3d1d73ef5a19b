/** One load on one wire: the same generator and the same sink, with nothing, the bare forwarder or the relay between. */
import { setTimeout as delay } from 'node:timers/promises';
import type { BareCommands } from '../bare-process.ts';
import { startChild, stopAll, type Child, openWindow } from '../child.ts';
import { readMachine } from '../machine.ts';
import type { RelayCommands } from '../relay-process.ts';
import type { Carried } from '../search.ts';
import { LOOPBACK } from '../socket.ts';
import type { GeneratorCommands, SinkCommands } from './peers.ts';

/** What lies between the peers, in the order of a round. */
export const WIRES = ['direct', 'bare', 'relay'] as const;
export type Wire = (typeof WIRES)[number];

/** Sessions open at the relay throughout; a load uses the first of them. */
export const FLOWS_MAX = 20;

/** From the order to the first datagram. */
const LEAD_MS = 30;
/** From the last datagram to the count: longer than a full socket buffer takes to empty. */
const DRAIN_MS = 150;
const REACHED_PART = 0.98;

/** One load. */
export interface Load {
  wire: Wire;
  flows: number;
  /** Datagrams per second, all flows together. */
  rate: number;
  /** Sent first and not measured. */
  warmMs: number;
  measuredMs: number;
  /** Whether the sink naps, so that no sender wakes it: for CPU alone, latencies then say nothing. */
  isSinkNapping: boolean;
}

/** What one load gave. CPU is µs per delivered datagram, warm-up included. */
export interface Measurement extends Carried {
  /** Of the forwarding process; 0 on the direct wire. */
  forwarderCpuUs: number;
  /** Of generator, forwarder and sink. */
  totalCpuUs: number;
}

/** The processes of one bench: how to load them, what the relay has dropped so far by reason, and how to end them. */
export interface Bench {
  run: (load: Load) => Promise<Measurement>;
  dropped: () => Promise<Readonly<Record<string, number>>>;
  stop: () => Promise<unknown>;
}

interface Processes {
  generator: Child<GeneratorCommands>;
  sink: Child<SinkCommands>;
  bare: Child<BareCommands>;
  relay: Child<RelayCommands>;
}

/**
 * Starts all processes, and streams on every wire.
 *
 * @param slots - upstream slots of the relay that the sessions share: 1 as with one-session hosts, 20 as on one host
 * @param relayExecArgv - options of node for the relay's process
 */
export async function startBench(slots: number, relayExecArgv: readonly string[]): Promise<Bench> {
  const peers = new URL('./peers.ts', import.meta.url);
  const processes: Processes = {
    generator: startChild(peers, { args: ['generator'] }),
    sink: startChild(peers, { args: ['sink'] }),
    bare: startChild(new URL('../bare-process.ts', import.meta.url)),
    relay: startChild(new URL('../relay-process.ts', import.meta.url), { execArgv: relayExecArgv }),
  };
  const stop = (): Promise<unknown> => stopAll(Object.values(processes));
  try {
    const clientPorts = await connectWires(processes, slots);
    return {
      run: (load) => run(processes, clientPorts.slice(0, load.flows), load),
      dropped: async () => (await processes.relay.ask.stats())?.counters.dropped ?? {},
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** @returns the clients' ports. */
async function connectWires({ generator, sink, bare, relay }: Processes, slots: number): Promise<number[]> {
  const clientPorts = await sink.ask.open(FLOWS_MAX);
  await generator.ask.open('direct', FLOWS_MAX);
  await generator.ask.aim('direct', clientPorts);

  await generator.ask.open('bare', FLOWS_MAX);
  await generator.ask.aim('bare', [await bare.ask.open()]);

  const hostPorts = await generator.ask.open('relay', FLOWS_MAX);
  const arePinged = generator.ask.awaitPings('relay');
  const relayPort = await relay.ask.open({});
  const sessions = hostPorts.map((hostVideoPort, index) => ({ index, slot: index % slots, hostVideoPort }));
  await relay.ask.add(sessions);
  await sink.ask.ping(relayPort);
  await arePinged;
  return clientPorts;
}

async function run(processes: Processes, ports: readonly number[], load: Load): Promise<Measurement> {
  const { generator, sink, bare } = processes;
  const { wire, flows, rate, measuredMs } = load;
  const destinations = ports.map((port) => ({ address: LOOPBACK, port }));
  await bare.ask.aim(destinations);
  const window = openWindow(LEAD_MS, load);
  const samplesMax = Math.ceil((rate * measuredMs * 1.2) / 1000) + 1000;
  await sink.ask.begin(window, samplesMax, load.isSinkNapping);

  const before = await readCpu(processes, wire);
  const { sent, due } = await generator.ask.run({ wire, flows, rate, window });
  const [after, delivered] = await Promise.all([readCpu(processes, wire), sink.ask.delivered()]);
  await delay(DRAIN_MS);
  const { measured, p50Us, p99Us } = await sink.ask.end();

  const forwarderCpuUs = after.forwarder - before.forwarder;
  const ownCpuUs = forwarderCpuUs + after.peers - before.peers;
  const foreignUs = Math.max(after.busyUs - before.busyUs - ownCpuUs, 0);
  return {
    isReached: sent >= due * REACHED_PART,
    lossPercent: (100 * (sent - measured)) / sent,
    p50Us,
    p99Us,
    forwarderCpuUs: forwarderCpuUs / delivered,
    totalCpuUs: ownCpuUs / delivered,
    foreignCpuPercent: (100 * foreignUs) / (after.allUs - before.allUs),
  };
}

type Cpu = Record<'peers' | 'forwarder', number> & ReturnType<typeof readMachine>;

async function readCpu({ generator, sink, bare, relay }: Processes, wire: Wire): Promise<Cpu> {
  const machine = readMachine();
  const forwarders = { direct: undefined, bare, relay };
  const [generatorUs, sinkUs, forwarder = 0] = await Promise.all([
    generator.ask.cpuUs(),
    sink.ask.cpuUs(),
    forwarders[wire]?.ask.cpuUs(),
  ]);
  return { ...machine, peers: generatorUs + sinkUs, forwarder };
}
