/**
 * What the kernel program counts in an entry, and what the relay counts in the leg: an entry begins where its leg
 * stands, and what it counts goes back into the leg, so that nobody else can tell the engines apart.
 */
import type { CoarseClock } from '../../clock/clock.ts';
import type { Traffic } from '../../counts/counters.ts';
import { UNKNOWN, type Leg } from '../../flow/flow.ts';
import type { ReceptionPosition } from '../../media/reception.ts';
import { ENTRY, UNKNOWN_NUMBER } from './layout.ts';

const NS_PER_MS = 1_000_000;
/** What the program has room for: 4 s. */
const JITTER_NS_MAX = 0xffff_ffff;

export interface CountsDeps {
  clock: CoarseClock;
  /** Of CLOCK_MONOTONIC, which the program reads as well. */
  monotonicNs: () => bigint;
}

/** How much of what an entry counted was taken over. */
export interface Counted {
  datagrams: bigint;
  bytes: bigint;
  expected: bigint;
}

/** Writes where `leg` stands into the value of its new entry. @returns what of it is taken over already: all. */
export function beginCounts({ clock, monotonicNs }: CountsDeps, leg: Leg, value: Uint8Array): Counted {
  const view = viewOf(value);
  view.setBigUint64(ENTRY.datagrams, BigInt(leg.datagrams), true);
  view.setBigUint64(ENTRY.bytes, BigInt(leg.bytes), true);
  view.setUint32(ENTRY.highest, UNKNOWN_NUMBER, true);
  view.setUint32(ENTRY.restarts_at, UNKNOWN_NUMBER, true);
  view.setUint32(ENTRY.frame, UNKNOWN_NUMBER, true);
  if (leg.reception === undefined) return readCounted(view);
  const { expected, datagrams, position } = leg.reception;
  view.setBigUint64(ENTRY.expected, BigInt(Math.max(0, leg.datagrams + expected - datagrams)), true);
  view.setUint32(ENTRY.highest, position.highest, true);
  view.setUint32(ENTRY.restarts_at, position.restartsAt, true);
  view.setUint32(ENTRY.frame, position.frameIndex, true);
  view.setUint32(ENTRY.timestamp, position.timestamp, true);
  const age = BigInt(Math.round((clock.preciseMs() - position.arrivedAtMs) * NS_PER_MS));
  view.setBigUint64(ENTRY.arrived_ns, monotonicNs() - age, true);
  view.setUint32(ENTRY.pace_ns, Math.round(position.paceMs * NS_PER_MS), true);
  view.setUint32(ENTRY.intervals, position.intervals, true);
  const jitterNs = Math.min(Math.round(position.jitterMs * NS_PER_MS), JITTER_NS_MAX);
  view.setUint32(ENTRY.jitter_ns, jitterNs, true);
  return readCounted(view);
}

/**
 * How much of an entry that an earlier process made is in `leg` already, which was restored from a row a little older
 * than the entry. What the kernel forwarded since is then taken over with the next counts.
 */
export function resumeCounts(leg: Leg, value: DataView): Counted {
  const { datagrams, bytes, expected } = readCounted(value);
  const known = smaller(datagrams, BigInt(leg.datagrams));
  const lost = leg.reception === undefined ? 0 : leg.reception.expected - leg.reception.datagrams;
  return {
    datagrams: known,
    bytes: smaller(bytes, BigInt(leg.bytes)),
    expected: smaller(expected, known + BigInt(lost)),
  };
}

/** Takes what is new in an entry over into its leg and into `sent`, the counters of its stream. */
export function takeCounts(deps: CountsDeps, { leg, counted, sent }: CountsTarget, value: DataView): void {
  const { datagrams, bytes, expected } = readCounted(value);
  const cameIn = Number(datagrams - counted.datagrams);
  if (cameIn <= 0) return;
  const size = Number(bytes - counted.bytes);
  leg.datagrams += cameIn;
  leg.bytes += size;
  sent.datagrams += cameIn;
  sent.bytes += size;
  if (leg.reception !== undefined) {
    leg.reception.datagrams += cameIn;
    leg.reception.expected += Number(expected - counted.expected);
    leg.reception.jitterMs = value.getUint32(ENTRY.jitter_ns, true) / NS_PER_MS;
  }
  Object.assign(counted, { datagrams, bytes, expected });
  const ageMs = Number(deps.monotonicNs() - value.getBigUint64(ENTRY.seen_ns, true)) / NS_PER_MS;
  const seenMs = deps.clock.nowMs - Math.max(0, Math.round(ageMs));
  leg.hostSeenMs = Math.max(leg.hostSeenMs, seenMs, 0);
}

/** Whose counts they are. */
export interface CountsTarget {
  leg: Leg;
  counted: Counted;
  sent: Traffic;
}

/** Puts the video of `leg` where the program left off, when its datagrams come to the sockets again. */
export function returnPosition({ clock, monotonicNs }: CountsDeps, leg: Leg, value: DataView): void {
  if (leg.reception === undefined) return;
  const ageMs = Number(monotonicNs() - value.getBigUint64(ENTRY.arrived_ns, true)) / NS_PER_MS;
  leg.reception.position = {
    highest: readNumber(value, ENTRY.highest),
    restartsAt: readNumber(value, ENTRY.restarts_at),
    frameIndex: readNumber(value, ENTRY.frame),
    timestamp: value.getUint32(ENTRY.timestamp, true),
    arrivedAtMs: clock.preciseMs() - ageMs,
    paceMs: value.getUint32(ENTRY.pace_ns, true) / NS_PER_MS,
    intervals: value.getUint32(ENTRY.intervals, true),
    jitterMs: value.getUint32(ENTRY.jitter_ns, true) / NS_PER_MS,
  } satisfies ReceptionPosition;
}

function readCounted(view: DataView): Counted {
  return {
    datagrams: view.getBigUint64(ENTRY.datagrams, true),
    bytes: view.getBigUint64(ENTRY.bytes, true),
    expected: view.getBigUint64(ENTRY.expected, true),
  };
}

function readNumber(view: DataView, offset: number): number {
  const number = view.getUint32(offset, true);
  return number === UNKNOWN_NUMBER ? UNKNOWN : number;
}

function smaller(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
