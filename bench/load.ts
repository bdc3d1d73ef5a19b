/** One load on one wire: the same generator and the same sink, with nothing, the bare forwarder or the relay between. */
import { setTimeout as delay } from 'node:timers/promises';
import { nowNs, startChild, type Child } from './child.ts';
import type { BareCommands, RelayCommands } from './forwarders.ts';
import { readMachine } from './machine.ts';
import type { GeneratorCommands, SinkCommands } from './peers.ts';

/** What lies between the peers, in the order of a round. */
export const WIRES = ['direct', 'bare', 'relay'] as const;
export type Wire = (typeof WIRES)[number];

/** Sessions open at the relay throughout; a load uses the first of them. */
export const FLOWS_MAX = 20;

const ADDRESS = '127.0.0.1';
const NS_PER_MS = 1e6;
/** From the order to the first datagram: time for the processes to be ready. */
const LEAD_MS = 30;
/** From the last datagram to the count: longer than a full socket buffer takes to empty. */
const DRAIN_MS = 150;

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
export interface Measurement {
  /** Datagrams per second that the generator did send. */
  sentRate: number;
  /** Whether the generator could not keep the rate (98 %): then this says nothing about the wire. */
  isGeneratorSaturated: boolean;
  /** Part of the sent datagrams that never came, percent. */
  lossPercent: number;
  /** From send call to receiving callback, µs. */
  p50Us: number;
  p99Us: number;
  /** Of the forwarding process; 0 on the direct wire. */
  forwarderCpuUs: number;
  /** Of generator, forwarder and sink. */
  totalCpuUs: number;
  /** Part of the machine's CPU time that went to others meanwhile, percent. */
  foreignCpuPercent: number;
}

/** The processes of one bench, and the way to load them. */
export interface Bench {
  run: (load: Load) => Promise<Measurement>;
  /** What the relay has dropped since it was started, by reason. */
  dropped: () => Promise<Readonly<Record<string, number>>>;
  /** Ends all processes. */
  stop: () => Promise<void>;
}

interface Processes {
  generator: Child<GeneratorCommands>;
  sink: Child<SinkCommands>;
  bare: Child<BareCommands>;
  relay: Child<RelayCommands>;
}

/** How a bench is set up. */
export interface BenchOptions {
  /** Upstream slots of the relay that the sessions share: 1 as with one-session hosts, 20 as on one host. */
  slots: number;
  /** Options of node for the relay's process. */
  relayExecArgv?: readonly string[];
}

/** Starts all processes, and streams on every wire. */
export async function startBench({ slots, relayExecArgv = [] }: BenchOptions): Promise<Bench> {
  const peers = new URL('./peers.ts', import.meta.url);
  const forwarders = new URL('./forwarders.ts', import.meta.url);
  const processes: Processes = {
    generator: startChild(peers, { args: ['generator'] }),
    sink: startChild(peers, { args: ['sink'] }),
    bare: startChild(forwarders, { args: ['bare'] }),
    relay: startChild(forwarders, { args: ['relay'], execArgv: relayExecArgv }),
  };
  const stop = async (): Promise<void> => {
    await Promise.all(Object.values(processes).map((child: { stop: () => Promise<void> }) => child.stop()));
  };
  try {
    const clientPorts = await connectWires(processes, slots);
    return {
      run: (load) => run(processes, clientPorts.slice(0, load.flows), load),
      dropped: () => processes.relay.ask('dropped', undefined),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** @returns the clients' ports. */
async function connectWires({ generator, sink, bare, relay }: Processes, slots: number): Promise<number[]> {
  const clientPorts = await sink.ask('open', FLOWS_MAX);
  await generator.ask('open', { wire: 'direct', flows: FLOWS_MAX });
  await generator.ask('aim', { wire: 'direct', ports: clientPorts });

  await generator.ask('open', { wire: 'bare', flows: FLOWS_MAX });
  await generator.ask('aim', { wire: 'bare', ports: [await bare.ask('open', undefined)] });

  const hostPorts = await generator.ask('open', { wire: 'relay', flows: FLOWS_MAX });
  const arePinged = generator.ask('awaitPings', 'relay');
  await sink.ask('ping', await relay.ask('open', { hostPorts, slots }));
  await arePinged;
  return clientPorts;
}

async function run(processes: Processes, ports: readonly number[], load: Load): Promise<Measurement> {
  const { generator, sink, bare } = processes;
  const { wire, flows, rate, warmMs, measuredMs, isSinkNapping } = load;
  await bare.ask(
    'aim',
    ports.map((port) => ({ address: ADDRESS, port })),
  );
  await sink.ask('nap', isSinkNapping);
  const startNs = nowNs() + LEAD_MS * NS_PER_MS;
  const fromNs = startNs + warmMs * NS_PER_MS;
  const window = { startNs, fromNs, endNs: fromNs + measuredMs * NS_PER_MS };
  const samplesMax = Math.ceil((rate * measuredMs * 1.2) / 1000) + 1000;
  await sink.ask('begin', { window, samplesMax });

  const machineBefore = readMachine();
  const before = await readCpu(processes, wire);
  const { sent, due } = await generator.ask('run', { wire, flows, rate, window });
  const [after, delivered] = await Promise.all([readCpu(processes, wire), sink.ask('delivered', undefined)]);
  const machineAfter = readMachine();
  await delay(DRAIN_MS);
  const received = await sink.ask('end', undefined);

  const forwarderCpuUs = after.forwarder - before.forwarder;
  const peersCpuUs = after.generator - before.generator + after.sink - before.sink;
  const busyUs = machineAfter.busyUs - machineBefore.busyUs;
  const foreignUs = Math.max(busyUs - forwarderCpuUs - peersCpuUs, 0);
  return {
    sentRate: (sent * 1000) / measuredMs,
    isGeneratorSaturated: sent < due * 0.98,
    lossPercent: (100 * (sent - received.measured)) / sent,
    p50Us: received.p50Ns / 1000,
    p99Us: received.p99Ns / 1000,
    forwarderCpuUs: forwarderCpuUs / delivered,
    totalCpuUs: (forwarderCpuUs + peersCpuUs) / delivered,
    foreignCpuPercent: (100 * foreignUs) / (machineAfter.allUs - machineBefore.allUs),
  };
}

interface Cpu {
  generator: number;
  sink: number;
  forwarder: number;
}

async function readCpu(processes: Processes, wire: Wire): Promise<Cpu> {
  const [generator, sink, forwarder] = await Promise.all([
    processes.generator.ask('cpuUs', undefined),
    processes.sink.ask('cpuUs', undefined),
    readForwarderCpu(processes, wire),
  ]);
  return { generator, sink, forwarder };
}

async function readForwarderCpu({ bare, relay }: Processes, wire: Wire): Promise<number> {
  switch (wire) {
    case 'direct':
      return 0;
    case 'bare':
      return await bare.ask('cpuUs', undefined);
    case 'relay':
      return await relay.ask('cpuUs', undefined);
  }
}
