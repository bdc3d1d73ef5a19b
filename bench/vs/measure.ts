/** One load on one candidate, and what it cost. */
import { availableParallelism } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { nowNs } from '../child.ts';
import type { Candidate, Running } from './candidates/candidate.ts';
import type { Generation } from './generator.ts';
import type { Group } from './group.ts';
import type { EdgeLane, Stage } from './stage.ts';

const NS_PER_S = 1e9;
const NS_PER_MS = 1e6;
const NS_PER_US = 1e3;
/** From the order to the first datagram: time for the processes to be ready. */
const LEAD_MS = 20;
/** From the last datagram to the count: longer than a full socket buffer takes to empty. */
const DRAIN_MS = 60;
/** The first part of a load is not measured for loss and latency. */
const WARM_PART = 0.15;
/** A generator that did not reach so much of its rate says nothing about the candidate. */
const REACHED_PART = 0.98;
const READY_TRIES = 60;
const READY_LOAD = { rate: 5_000, seconds: 0.1, burst: 4 };

/** A candidate that carries datagrams. */
export interface Entrant {
  candidate: Candidate;
  lane: EdgeLane;
  group: Group;
  running: Running;
}

/** One load. */
export interface Load extends Pick<Generation, 'load' | 'burst'> {
  seconds: number;
  /** Whether the sender's and the receiver's kernel may keep datagrams of a burst together (GSO, UDP_GRO). */
  isSegmented?: boolean;
}

/** What one load gave. */
export interface Measurement {
  /** CPU time for each datagram that came, ns: generator, candidate, sink and softirq threads. `NaN` if not told. */
  cpuNs: number;
  /** Datagrams that came per second. */
  rate: number;
  /** Part of the sent datagrams that never came, percent. */
  lossPercent: number;
  /** From send call to receiving call, µs. */
  p50Us: number;
  p99Us: number;
  /** Whether the generator kept the rate. */
  isReached: boolean;
  delivered: number;
  /** Datagrams that came up to the candidate's sockets, where it counts them, and pings that the clients sent. */
  slow: number;
  pings: number;
  /** Part of the machine's CPU time that went to others meanwhile, percent. `NaN` if not told. */
  foreignCpuPercent: number;
}

/** Precondition: the stage has nothing else to do. */
export async function measure(stage: Stage, entrant: Entrant, load: Load): Promise<Measurement> {
  const { lane, group, running } = entrant;
  const { seconds, isSegmented = false } = load;
  await running.renew?.();
  const startNs = nowNs() + LEAD_MS * NS_PER_MS;
  const window = {
    startNs,
    fromNs: startNs + WARM_PART * seconds * NS_PER_S,
    endNs: startNs + seconds * NS_PER_S,
  };
  const slowBefore = running.countSlow?.() ?? 0;
  const before = readUs(stage, group);
  const receiving = stage.sink.ask('receive', {
    window,
    drainNs: DRAIN_MS * NS_PER_MS,
    isTogether: isSegmented,
    ...(running.arePinging === true ? { pingLane: lane.index } : {}),
  });
  const sending = stage.generator.ask('run', { ...load, lane: lane.index, window, isSegmented });
  const [received, generated] = await Promise.all([receiving, sending]);
  const after = readUs(stage, group);
  const usedUs = after.used - before.used;
  const foreignUs = after.machine - before.machine - usedUs;
  const allUs = ((nowNs() - before.atNs) / NS_PER_US) * availableParallelism();
  const isReached = !('rate' in load.load) || generated.sent >= load.load.rate * seconds * REACHED_PART;
  return {
    cpuNs: (usedUs * 1000) / received.delivered,
    rate: received.delivered / seconds,
    lossPercent: 100 * (1 - received.measured / generated.measured),
    p50Us: received.p50Us,
    p99Us: received.p99Us,
    isReached,
    delivered: received.delivered,
    slow: (running.countSlow?.() ?? 0) - slowBefore,
    pings: received.pings,
    foreignCpuPercent: (100 * Math.max(foreignUs, 0)) / allUs,
  };
}

function readUs(stage: Stage, group: Group): { used: number; machine: number; atNs: number } {
  const { peers, softirq, machine } = stage.readUs();
  return { used: peers + softirq + group.readUs(), machine, atNs: nowNs() };
}

/** Streams until the candidate carries what is sent, in its steady state. @throws Error when it does not */
export async function makeReady(stage: Stage, entrant: Entrant): Promise<void> {
  const { rate, ...load } = READY_LOAD;
  for (let attempt = 0; attempt < READY_TRIES; attempt += 1) {
    const { lossPercent } = await measure(stage, entrant, { ...load, load: { rate } });
    if (lossPercent < 1 && (await (entrant.running.isReady?.() ?? true))) return;
    await delay(DRAIN_MS);
  }
  throw new Error('It carried no datagrams');
}
