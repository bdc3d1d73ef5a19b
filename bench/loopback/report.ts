/** The figures of the bench on loopback as text: the same tables for the terminal and for README.md. */
import { formatMachine, type Machine } from '../machine.ts';
import { figure, type Spread } from '../statistics.ts';
import { columnsOf, formatParts, formatTable, judge } from '../tables.ts';
import type { IdleSessions, MemoryResult } from './memory.ts';
import { COSTS, LATENCIES, type RoundsSummary } from './rounds.ts';

type Found = readonly number[];

/** Of searches for the highest lossless rates of all wires, datagrams per second. */
export const CAPACITY = {
  direct: figure('direct (generator and sink)', 0, ([direct]: Found) => direct, 1000),
  bare: figure('bare', 0, ([, bare]: Found) => bare, 1000),
  relay: figure('relay', 0, ([, , relay]: Found) => relay, 1000),
  relayToBare: figure('relay : bare', 2, ([, bare = NaN, relay = NaN]: Found) => relay / bare),
};

/** Everything one run of the bench found. */
export interface Results {
  machine: Machine;
  /** Whether this was the short run, which is for trying things out. */
  isQuick: boolean;
  slots: number;
  loads: RoundsSummary[];
  /** Highest lossless rates with 20 flows, datagrams per second; the ratio is of one and the same search. */
  capacity: Record<keyof typeof CAPACITY, Spread>;
  memory: MemoryResult;
  /** What the relay dropped over the whole run, reasons that occurred. */
  dropped: Record<string, number>;
}

/** How much the relay may cost, to the bare forwarder. */
const CPU_RATIO_TARGET = 1.1;

/** All tables, in Markdown. */
export function formatResults({ machine, loads, capacity, memory, slots, isQuick }: Results): string {
  return formatParts(
    `Machine: ${formatMachine(machine)}; relay with ${slots} upstream slot${slots === 1 ? '' : 's'}` +
      (isQuick ? '; quick run' : ''),
    formatTable(loads, [['CPU, µs per datagram', loadName], ...columnsOf(COSTS)]),
    formatTable(loads, [
      ['Latency, µs', loadName],
      ['lossless rounds', ({ losslessRounds, rounds }) => `${losslessRounds} of ${rounds}`],
      ['direct p50 / p99', formatDirect],
      ...columnsOf(LATENCIES),
    ]),
    formatTable(
      [capacity],
      [['Highest lossless rate, thousand datagrams/s', () => '20 flows'], ...columnsOf(CAPACITY)],
    ),
    formatMemory(memory),
    `Relay CPU at most ${CPU_RATIO_TARGET} times the bare forwarder's, by the median:`,
    loads.map(formatVerdict).join('\n'),
  );
}

function formatDirect({ losslessRounds, directP50Us, directP99Us }: RoundsSummary): string {
  if (losslessRounds === 0) return 'none';
  return `${directP50Us.median.toFixed(0)} / ${directP99Us.median.toFixed(0)}`;
}

function formatMemory({ appliance, oneSlot, ownSlots }: MemoryResult): string {
  const mebibytes = (bytes: number): string => (bytes / 1024 / 1024).toFixed(1);
  const rows: readonly [string, IdleSessions][] = [
    ['all on one upstream slot', oneSlot],
    ['a slot (3 sockets) each', ownSlots],
  ];
  return formatParts(
    `Idle appliance: RSS ${mebibytes(appliance.rssBytes)} MiB, of which JavaScript heap ` +
      `${mebibytes(appliance.heapUsedBytes)} MiB and external ${mebibytes(appliance.externalBytes)} MiB`,
    formatTable(rows, [
      [`Each of ${oneSlot.sessions} idle sessions`, ([name]) => name],
      ['RSS, KiB', ([, idle]) => idle.rssBytesPerSession / 1024, 1],
      ['heap, KiB', ([, idle]) => idle.heapBytesPerSession / 1024, 1],
      ['external, KiB', ([, idle]) => idle.externalBytesPerSession / 1024, 1],
      ['CPU of all together, % of a core', ([, idle]) => idle.idleCpuPercent, 1],
    ]),
  );
}

function formatVerdict(load: RoundsSummary): string {
  const own = judge(load.unwakingCpuRatio.median, CPU_RATIO_TARGET);
  const waking = judge(load.cpuRatio.median, CPU_RATIO_TARGET);
  return `- ${loadName(load)}: ${own}; with the waking of the sink ${waking}`;
}

function loadName({ flows, rate }: RoundsSummary): string {
  return `${flows} x ${rate / 1000} k`;
}
