/** The bench's figures as text: the same tables for the terminal and for README.md. */
import type { CapacitySummary } from './capacity.ts';
import type { Machine } from './machine.ts';
import type { IdleSessions, MemoryResult } from './memory.ts';
import type { RoundsSummary } from './rounds.ts';
import { formatSpread, formatTable } from './tables.ts';
import type { Spread } from './statistics.ts';

/** Everything one run of the bench found. */
export interface Results {
  machine: Machine;
  /** Whether this was the short run, which is for trying things out. */
  isQuick: boolean;
  slots: number;
  loads: RoundsSummary[];
  /** 20 flows, datagrams per second. */
  capacity: CapacitySummary;
  memory: MemoryResult;
  /** What the relay dropped over the whole run, reasons that occurred. */
  dropped: Record<string, number>;
}

/** How much the relay may cost, to the bare forwarder. */
export const CPU_RATIO_TARGET = 1.1;

/** All tables, in Markdown. */
export function formatResults(results: Results): string {
  const { machine, loads, capacity, memory, slots, isQuick } = results;
  return [
    `Machine: ${formatMachine(machine)}; relay with ${slots} upstream slot${slots === 1 ? '' : 's'}` +
      (isQuick ? '; quick run' : ''),
    formatCpu(loads),
    formatLatency(loads),
    formatCapacity(capacity),
    formatMemory(memory),
    formatVerdict(loads),
  ].join('\n\n');
}

/** In a line. */
export function formatMachine({ cores, cpu, memoryGiB, kernel, node }: Machine): string {
  return `${cores} cores of ${cpu}, ${memoryGiB} GiB, ${kernel}, Node ${node}`;
}

function formatCpu(loads: readonly RoundsSummary[]): string {
  return formatTable(
    [
      'CPU, µs per datagram',
      'bare',
      'relay',
      '**relay : bare**',
      'bare, waking',
      'relay, waking',
      'relay : bare, waking',
      'all processes, bare : direct',
      'all processes, relay : direct',
      'foreign CPU, %',
    ],
    loads.map((load) => [
      loadName(load),
      formatSpread(load.bareUnwakingCpuUs, 1),
      formatSpread(load.relayUnwakingCpuUs, 1),
      formatSpread(load.unwakingCpuRatio, 2),
      formatSpread(load.bareCpuUs, 1),
      formatSpread(load.relayCpuUs, 1),
      formatSpread(load.cpuRatio, 2),
      formatSpread(load.bareTotalCpuRatio, 2),
      formatSpread(load.relayTotalCpuRatio, 2),
      formatSpread(load.foreignCpuPercent, 0),
    ]),
  );
}

function formatLatency(loads: readonly RoundsSummary[]): string {
  return formatTable(
    [
      'Latency, µs',
      'lossless rounds',
      'direct p50 / p99',
      'bare adds p50',
      'relay adds p50',
      'relay - bare p50',
      'bare adds p99',
      'relay adds p99',
      'relay - bare p99',
    ],
    loads.map((load) => [
      loadName(load),
      `${load.losslessRounds} of ${load.rounds}`,
      load.losslessRounds === 0
        ? 'none'
        : `${load.directP50Us.median.toFixed(0)} / ${load.directP99Us.median.toFixed(0)}`,
      formatSpread(load.bareAddedP50Us, 0),
      formatSpread(load.relayAddedP50Us, 0),
      formatSpread(load.relayOverBareP50Us, 0),
      formatSpread(load.bareAddedP99Us, 0),
      formatSpread(load.relayAddedP99Us, 0),
      formatSpread(load.relayOverBareP99Us, 0),
    ]),
  );
}

function formatCapacity({ direct, bare, relay, relayToBare }: CapacitySummary): string {
  const thousands = ({ median, min, max }: Spread): string =>
    formatSpread({ median: median / 1000, min: min / 1000, max: max / 1000 }, 0);
  return formatTable(
    [
      'Highest lossless rate, thousand datagrams/s',
      'direct (generator and sink)',
      'bare',
      'relay',
      'relay : bare',
    ],
    [['20 flows', thousands(direct), thousands(bare), thousands(relay), formatSpread(relayToBare, 2)]],
  );
}

function formatMemory({ appliance, oneSlot, ownSlots }: MemoryResult): string {
  const mebibytes = (bytes: number): string => (bytes / 1024 / 1024).toFixed(1);
  const kibibytes = (bytes: number): string => (bytes / 1024).toFixed(1);
  const row = (name: string, idle: IdleSessions): string[] => [
    name,
    kibibytes(idle.rssBytesPerSession),
    kibibytes(idle.heapBytesPerSession),
    kibibytes(idle.externalBytesPerSession),
    idle.idleCpuPercent.toFixed(1),
  ];
  const { rssBytes, heapUsedBytes, externalBytes } = appliance;
  return [
    `Idle appliance: RSS ${mebibytes(rssBytes)} MiB, of which JavaScript heap ${mebibytes(heapUsedBytes)} MiB ` +
      `and external ${mebibytes(externalBytes)} MiB`,
    formatTable(
      [
        `Each of ${oneSlot.sessions} idle sessions`,
        'RSS, KiB',
        'heap, KiB',
        'external, KiB',
        'CPU of all together, % of a core',
      ],
      [row('all on one upstream slot', oneSlot), row('a slot (3 sockets) each', ownSlots)],
    ),
  ].join('\n\n');
}

function formatVerdict(loads: readonly RoundsSummary[]): string {
  const isMet = (ratio: Spread): string => (ratio.median <= CPU_RATIO_TARGET ? 'met' : 'missed');
  const lines = loads.map(
    (load) =>
      `- ${loadName(load)}: ${isMet(load.unwakingCpuRatio)}; with the waking of the sink ${isMet(load.cpuRatio)}`,
  );
  return [
    `Relay CPU at most ${CPU_RATIO_TARGET} times the bare forwarder's, by the median:`,
    '',
    ...lines,
  ].join('\n');
}

function loadName({ flows, rate }: RoundsSummary): string {
  return `${flows} x ${rate / 1000} k`;
}
