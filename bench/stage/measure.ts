/** One load on one forwarder, and what it cost. */
import { availableParallelism } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { nowNs, openWindow } from '../child.ts';
import type { Carried } from '../search.ts';
import type { Generation } from './generator.ts';
import type { Place } from './stage.ts';

/** From the order to the first datagram. */
const LEAD_MS = 20;
/** From the last datagram to the count: longer than a full socket buffer takes to empty. */
const DRAIN_MS = 60;
/** The first part of a load is not measured for loss and latency. */
const WARM_PART = 0.15;
const REACHED_PART = 0.98;
const READY_TRIES = 60;
const READY_LOAD = { load: { rate: 5_000 }, seconds: 0.1, burst: 4 } as const;

/** Something that carries datagrams. */
export interface Running {
  place: Place;
  /** Whether the clients ping its edge while datagrams flow. */
  arePinging?: boolean;
  /** Done before each load. */
  renew?: () => Promise<void>;
  /** Whether it is in its steady state; datagrams flow until it is. Default: once they arrive. */
  isReady?: () => Promise<boolean>;
  /** Datagrams that its namespace's sockets were handed so far, those that found no socket included. */
  countSlow?: () => number;
}

/** One load. */
export interface Load extends Pick<Generation, 'load' | 'burst'> {
  seconds: number;
  /** Whether the sender's and the receiver's kernel may keep datagrams of a burst together (GSO, UDP_GRO). */
  isSegmented?: boolean;
}

/** So many datagrams per second, in bursts small enough for the last datagram not to wait long behind the others. */
export const PACED = { load: { rate: 50_000 }, burst: 8 } as const;
/** As many as come through. */
export const SATURATED = { load: { onTheWayMax: 512 }, burst: 20 } as const;

/** What one load gave. */
export interface Measurement extends Carried {
  /** CPU time for each datagram that came, ns: generator, forwarder, sink and softirq threads. `NaN` if not told. */
  cpuNs: number;
  /** Datagrams that came per second. */
  rate: number;
  sent: number;
  delivered: number;
  /** Datagrams that came up to the forwarder's sockets, where it counts them, and pings that the clients sent. */
  slow: number;
  pings: number;
}

/** Precondition: the stage has nothing else to do. */
export async function measure(running: Running, load: Load): Promise<Measurement> {
  const { stage, lane } = running.place;
  const { seconds, isSegmented = false } = load;
  await running.renew?.();
  const warmMs = WARM_PART * seconds * 1e3;
  const window = openWindow(LEAD_MS, { warmMs, measuredMs: seconds * 1e3 - warmMs });
  const before = readCounts(running);
  const receiving = stage.sink.ask.receive({
    window,
    drainNs: DRAIN_MS * 1e6,
    isTogether: isSegmented,
    ...(running.arePinging === true ? { pingLane: lane.index } : {}),
  });
  const sending = stage.generator.ask.run({ ...load, lane: lane.index, window, isSegmented });
  const [received, generated] = await Promise.all([receiving, sending]);
  const after = readCounts(running);
  const usedUs = after.usedUs - before.usedUs;
  const foreignUs = after.machineUs - before.machineUs - usedUs;
  const allUs = ((after.atNs - before.atNs) / 1e3) * availableParallelism();
  const { delivered, measured, p50Us, p99Us, pings } = received;
  return {
    cpuNs: (usedUs * 1e3) / delivered,
    rate: delivered / seconds,
    lossPercent: 100 * (1 - measured / generated.measured),
    p50Us,
    p99Us,
    isReached: !('rate' in load.load) || generated.sent >= load.load.rate * seconds * REACHED_PART,
    sent: generated.sent,
    delivered,
    slow: after.slow - before.slow,
    pings,
    foreignCpuPercent: (100 * Math.max(foreignUs, 0)) / allUs,
  };
}

function readCounts({ place, countSlow }: Running): Record<'slow' | 'usedUs' | 'machineUs' | 'atNs', number> {
  const { peers, machine } = place.stage.readUs();
  const usedUs = peers + place.group.readUs();
  return { slow: countSlow?.() ?? 0, usedUs, machineUs: machine, atNs: nowNs() };
}

/** Streams until it carries what is sent, in its steady state. @throws Error when it does not */
export async function makeReady(running: Running): Promise<void> {
  for (let attempt = 0; attempt < READY_TRIES; attempt += 1) {
    const { lossPercent } = await measure(running, READY_LOAD);
    if (lossPercent < 1 && (await (running.isReady?.() ?? true))) return;
    await delay(DRAIN_MS);
  }
  throw new Error('It carried no datagrams');
}
