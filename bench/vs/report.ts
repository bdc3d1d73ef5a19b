/** The figures of the side-by-side bench as text: the same tables for the terminal and for README.md. */
import { formatMachine, type Machine } from '../machine.ts';
import type { Spread } from '../statistics.ts';
import { columnsOf, formatParts, formatSpread, formatTable } from '../tables.ts';
import { COSTS, LATENCIES, RATES, type Summary, type Verdict } from './summary.ts';

/** Everything one run found. */
export interface ComparisonResults extends Record<
  'rate' | 'flows' | 'rounds' | 'seconds' | 'searches',
  number
> {
  machine: Machine;
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
  return formatParts(
    `Machine: ${formatMachine(machine)}. ${flows} flows, fixed rate ${rate / 1000} k datagrams/s, ${rounds} rounds of ` +
      `${seconds} s, ${searches} searches. Other programs had ${formatSpread(results.foreignCpuPercent, 0)} % of the machine.`,
    formatTable(candidates, [
      ['CPU and latency', ({ title }) => title],
      ...columnsOf(COSTS),
      ...columnsOf(LATENCIES),
      ['quiet rounds', ({ quietRounds }) => quietRounds],
      ['loss, %', ({ lossPercentMax }) => lossPercentMax, 2],
    ]),
    formatTable(candidates, [['Highest rate, thousand/s', ({ title }) => title], ...columnsOf(RATES)]),
    formatTable(
      // Those that forward in the kernel and have sockets besides.
      candidates.filter(({ slow }) => slow > 0),
      [
        ['Slow path, all rounds', ({ title }) => title],
        ['datagrams delivered', ({ delivered }) => delivered],
        ['came up to sockets', ({ slow }) => slow],
        ['pings sent', ({ pings }) => pings],
        ['only pings', ({ slow, pings }) => (slow === pings ? 'yes' : 'no')],
      ],
    ),
    Object.entries(missing)
      .map(([title, reason]) => `- ${title}: ${reason}`)
      .join('\n'),
    results.verdicts.map(formatVerdict).join('\n'),
  );
}

function formatVerdict({ title, figure, value, target, isMet }: Verdict): string {
  const digits = figure === 'addedP99Us' ? 0 : 2;
  const word = isMet === undefined ? 'not available' : isMet ? 'met' : 'missed';
  return `- ${title}, ${FIGURES[figure]}: ${value.toFixed(digits)}, at most ${target}: ${word}`;
}
