/** The figures of the side-by-side bench as text: the same tables for the terminal and for README.md. */
import type { Machine } from '../machine.ts';
import { formatMachine } from '../report.ts';
import { formatSpread, formatTable } from '../tables.ts';
import type { Spread } from '../statistics.ts';
import type { Summary } from './summary.ts';
import type { Verdict } from './targets.ts';

/** Everything one run found. */
export interface ComparisonResults {
  machine: Machine;
  /** Datagrams per second of the fixed rate, and of how many flows. */
  rate: number;
  flows: number;
  rounds: number;
  seconds: number;
  searches: number;
  /** Part of the machine that other programs had during the rounds, percent: middle and extremes of the loads. */
  foreignCpuPercent: Spread;
  candidates: Summary[];
  /** What did not run, and why, by its title. */
  missing: Record<string, string>;
  verdicts: Verdict[];
}

const FIGURES = {
  pacedRatio: 'CPU ratio at the fixed rate',
  saturatedRatio: 'CPU ratio, saturated',
  addedP99Us: 'added p99, µs',
} as const;

/** All tables, in Markdown. */
export function formatComparison(results: ComparisonResults): string {
  const { machine, rate, flows, rounds, seconds, searches, candidates, missing } = results;
  return [
    `Machine: ${formatMachine(machine)}. ${flows} flows, fixed rate ${rate / 1000} k datagrams/s, ${rounds} rounds of ` +
      `${seconds} s, ${searches} searches. Other programs had ${formatSpread(results.foreignCpuPercent, 0)} % of the machine.`,
    formatCost(candidates),
    formatRates(candidates),
    formatSlowPath(candidates),
    Object.entries(missing)
      .map(([title, reason]) => `- ${title}: ${reason}`)
      .join('\n'),
    formatVerdicts(results.verdicts),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

function formatCost(candidates: readonly Summary[]): string {
  return formatTable(
    [
      'CPU and latency',
      '**CPU ratio**',
      '**saturated**',
      'CPU, ns',
      'saturated, ns',
      'adds p50, µs',
      'adds p99, µs',
      'quiet rounds',
      'loss, %',
    ],
    candidates.map((candidate) => [
      candidate.title,
      formatCpu(candidate.pacedRatio, 2),
      formatCpu(candidate.saturatedRatio, 2),
      formatCpu(candidate.pacedCpuNs, 0),
      formatCpu(candidate.saturatedCpuNs, 0),
      formatSpread(candidate.addedP50Us, 0),
      formatSpread(candidate.addedP99Us, 0),
      `${candidate.quietRounds}`,
      candidate.lossPercentMax.toFixed(2),
    ]),
  );
}

function formatCpu(value: Spread, digits: number): string {
  return Number.isNaN(value.median) ? 'not available' : formatSpread(value, digits);
}

function formatRates(candidates: readonly Summary[]): string {
  const thousands = ({ median, min, max }: Spread): string =>
    formatSpread({ median: median / 1000, min: min / 1000, max: max / 1000 }, 0);
  return formatTable(
    ['Highest rate, thousand/s', 'single datagrams', 'to the limit', 'GSO sender', 'to the limit'],
    candidates.map(({ title, rateMax, rateMaxRatio, segmentedRateMax, segmentedRateMaxRatio }) => [
      title,
      thousands(rateMax),
      formatSpread(rateMaxRatio, 2),
      thousands(segmentedRateMax),
      formatSpread(segmentedRateMaxRatio, 2),
    ]),
  );
}

/** Of those that forward in the kernel and have sockets besides. */
function formatSlowPath(candidates: readonly Summary[]): string {
  const split = candidates.filter(({ slow }) => slow > 0);
  return formatTable(
    ['Slow path, all rounds', 'datagrams delivered', 'came up to sockets', 'pings sent', 'only pings'],
    split.map(({ title, delivered, slow, pings }) => [
      title,
      `${delivered}`,
      `${slow}`,
      `${pings}`,
      slow === pings ? 'yes' : 'no',
    ]),
  );
}

function formatVerdicts(verdicts: readonly Verdict[]): string {
  return verdicts
    .map(({ title, figure, value, target, isMet }) => {
      const digits = figure === 'addedP99Us' ? 0 : 2;
      const word = isMet === undefined ? 'not available' : isMet ? 'met' : 'missed';
      return `- ${title}, ${FIGURES[figure]}: ${value.toFixed(digits)}, at most ${target}: ${word}`;
    })
    .join('\n');
}
