/** What the install bench found, as tables, and which targets are met. Pure. */
import { formatSpread, formatTable } from '../tables.ts';
import {
  summarizeCosts,
  summarizePrograms,
  WAYS,
  type CostSummary,
  type InstallMeasurements,
  type Interval,
  type ProgramSummary,
} from './summary.ts';
import { spreadOf, spreadOfRounds } from '../statistics.ts';

/** The most that may be. */
export const TARGET = { installMs: 100, sessions: 10_000, cpuRatio: 1.05 } as const;

/** All tables, in Markdown, and which targets are met. */
export function formatInstall(measurements: InstallMeasurements): string {
  const costs = summarizeCosts(measurements.costs);
  const programs = summarizePrograms(measurements.programs, costs);
  return [
    formatInstalls(measurements),
    formatReads(measurements),
    formatMemory(measurements),
    formatCosts(costs),
    formatPrograms(programs),
    formatResolution(costs),
    formatVerdict(measurements, costs, programs),
  ].join('\n\n');
}

function formatInstalls({ installs }: InstallMeasurements): string {
  return formatTable(
    [
      'Sessions',
      'entries of each',
      'a call for each entry, ms',
      'one call, ms',
      'with two route look-ups for each entry, ms',
    ],
    installs.map(({ what, rounds }) => [
      String(what.sessions),
      String(what.entriesEach),
      ...WAYS.map((way) =>
        formatSpread(
          spreadOfRounds(rounds, (round) => round[way]),
          2,
        ),
      ),
    ]),
  );
}

function formatReads({ reads }: InstallMeasurements): string {
  return formatTable(
    ['Reading all counts, entries', 'ms'],
    reads.map(({ entries, rounds }) => [String(entries), formatSpread(spreadOf(rounds), 2)]),
  );
}

function formatMemory({ maps, rssBytesPerSession }: InstallMeasurements): string {
  return formatTable(
    [
      'Map with room for',
      'kernel memory, MiB',
      'of one entry, bytes',
      'of a session with 2, bytes',
      'with 3, bytes',
      'RSS of the relay for a session, KiB',
    ],
    maps.map(({ entriesMax, bytes }) => [
      `${entriesMax} entries`,
      (bytes / 1024 ** 2).toFixed(1),
      ...[1, 2, 3].map((entries) => ((entries * bytes) / entriesMax).toFixed(0)),
      (rssBytesPerSession / 1024).toFixed(1),
    ]),
  );
}

function formatCosts(costs: readonly CostSummary[]): string {
  return formatTable(
    [
      'Load',
      'entries',
      'CPU, ns per datagram',
      '**ratio**',
      '95 % interval of the median',
      'thousand datagrams/s',
      'highest loss, %',
    ],
    costs.map(({ load, entries, isControl, cpuNs, ratio, interval, rate, lossPercentMax }) => [
      load,
      nameOf({ entries, isControl }),
      formatSpread(cpuNs, 0),
      formatSpread(ratio, 3),
      Number.isFinite(interval.low)
        ? `${interval.low.toFixed(3)} to ${interval.high.toFixed(3)}`
        : 'too few rounds',
      (rate.median / 1000).toFixed(0),
      lossPercentMax.toFixed(2),
    ]),
  );
}

function formatPrograms(programs: readonly ProgramSummary[]): string {
  return formatTable(
    [
      'Kernel program, entries',
      'ns per datagram',
      'more than on the first lane, ns',
      'of all CPU per datagram, %',
    ],
    programs.map(({ entries, isControl, programNs, addedNs, addedPercent }) => [
      nameOf({ entries, isControl }),
      formatSpread(programNs, 0),
      formatSpread(addedNs, 0),
      addedPercent.toFixed(2),
    ]),
  );
}

/** What the ratios of CPU are worth, by the lane that is like the first. */
function formatResolution(costs: readonly CostSummary[]): string {
  const apart = costs
    .filter(({ isControl }) => isControl)
    .map(({ load, ratio }) => `${load} ${(100 * Math.abs(ratio.median - 1)).toFixed(1)} %`);
  return `Two lanes that are alike differ in CPU by: ${apart.join(', ')}. Ratios nearer to 1 say nothing.`;
}

function nameOf({ entries, isControl }: { entries: number; isControl: boolean }): string {
  return isControl ? `${entries}, again` : String(entries);
}

function formatVerdict(
  { installs }: InstallMeasurements,
  costs: readonly CostSummary[],
  programs: readonly ProgramSummary[],
): string {
  const isMet = (value: number, limit: number): string => (value <= limit ? 'met' : 'missed');
  const large = installs.filter(({ what }) => what.sessions === TARGET.sessions);
  const fewest = costs[0]?.entries ?? 0;
  return [
    `Targets: ${TARGET.sessions} sessions installed within ${TARGET.installMs} ms, by the median; CPU per datagram ` +
      `at most ${TARGET.cpuRatio} times that with ${fewest} entries, by the interval, and by the program alone.`,
    '',
    ...large.flatMap(({ what, rounds }) =>
      WAYS.map((way) => {
        const { median } = spreadOfRounds(rounds, (round) => round[way]);
        return `- ${what.entriesEach} entries each, ${way}: ${isMet(median, TARGET.installMs)}`;
      }),
    ),
    ...costs
      .filter(({ entries }) => entries > fewest)
      .map(({ load, entries, interval }) => `- ${load}, ${entries} entries: ${judge(interval)}`),
    ...programs
      .filter(({ entries }) => entries > fewest)
      .map(({ entries, addedPercent }) => {
        return `- program alone, ${entries} entries: ${isMet(1 + addedPercent / 100, TARGET.cpuRatio)}`;
      }),
  ].join('\n');
}

function judge({ low, high }: Interval): string {
  if (high <= TARGET.cpuRatio) return 'met';
  return low > TARGET.cpuRatio ? 'missed' : 'not resolved';
}
