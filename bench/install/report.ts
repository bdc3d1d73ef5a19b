/** What the install bench found, as tables, and which targets are met. Pure. */
import { spreadOf, spreadOfRounds } from '../statistics.ts';
import { columnsOf, formatParts, formatTable, judge } from '../tables.ts';
import { COSTS, summarizeCosts, summarizePrograms, WAYS } from './summary.ts';
import type { CostSummary, InstallMeasurements, Interval } from './summary.ts';
import type { LaneSummary, ProgramSummary, Way } from './summary.ts';

/** The most that may be. */
const TARGET = { installMs: 100, sessions: 10_000, cpuRatio: 1.05 } as const;
const WAY_HEADS: Record<Way, string> = {
  each: 'a call for each entry, ms',
  batch: 'one call, ms',
  routed: 'with two route look-ups for each entry, ms',
};

/** All tables, in Markdown, and which targets are met. */
export function formatInstall(measurements: InstallMeasurements): string {
  const { installs, reads, maps, rssBytesPerSession } = measurements;
  const costs = summarizeCosts(measurements.costs);
  const programs = summarizePrograms(measurements.programs, costs);
  return formatParts(
    formatTable(installs, [
      ['Sessions', ({ what }) => what.sessions],
      ['entries of each', ({ what }) => what.entriesEach],
      ...WAYS.map((way) => [WAY_HEADS[way], (found: Install) => spreadOfWay(found, way), 2] as const),
    ]),
    formatTable(reads, [
      ['Reading all counts, entries', ({ entries }) => entries],
      ['ms', ({ rounds }) => spreadOf(rounds), 2],
    ]),
    formatTable(maps, [
      ['Map with room for', ({ entriesMax }) => `${entriesMax} entries`],
      ['kernel memory, MiB', ({ bytes }) => bytes / 1024 ** 2, 1],
      ['of one entry, bytes', ({ bytes, entriesMax }) => bytes / entriesMax],
      ['of a session with 2, bytes', ({ bytes, entriesMax }) => (2 * bytes) / entriesMax],
      ['with 3, bytes', ({ bytes, entriesMax }) => (3 * bytes) / entriesMax],
      ['RSS of the relay for a session, KiB', () => rssBytesPerSession / 1024, 1],
    ]),
    formatTable(costs, [
      ['Load', ({ load }) => load],
      ['entries', nameOf],
      ...columnsOf(COSTS),
      ['95 % interval of the median', formatInterval],
      ['thousand datagrams/s', ({ rate }) => rate.median / 1000],
      ['highest loss, %', ({ lossPercentMax }) => lossPercentMax, 2],
    ]),
    formatTable(programs, [
      ['Kernel program, entries', nameOf],
      ['ns per datagram', ({ programNs }) => programNs],
      ['more than on the first lane, ns', ({ addedNs }) => addedNs],
      ['of all CPU per datagram, %', ({ addedPercent }) => addedPercent, 2],
    ]),
    formatResolution(costs),
    formatVerdict(installs, costs, programs),
  );
}

type Install = InstallMeasurements['installs'][number];

function spreadOfWay({ rounds }: Install, way: Way): ReturnType<typeof spreadOf> {
  return spreadOfRounds(rounds, (round) => round[way]);
}

function formatInterval({ interval: { low, high } }: CostSummary): string {
  return Number.isFinite(low) ? `${low.toFixed(3)} to ${high.toFixed(3)}` : 'too few rounds';
}

/** What the ratios of CPU are worth, by the lane that is like the first. */
function formatResolution(costs: readonly CostSummary[]): string {
  const apart = costs
    .filter(({ isControl }) => isControl)
    .map(({ load, ratio }) => `${load} ${(100 * Math.abs(ratio.median - 1)).toFixed(1)} %`);
  return `Two lanes that are alike differ in CPU by: ${apart.join(', ')}. Ratios nearer to 1 say nothing.`;
}

function nameOf({ entries, isControl }: LaneSummary): string {
  return isControl ? `${entries}, again` : String(entries);
}

function formatVerdict(
  installs: readonly Install[],
  costs: readonly CostSummary[],
  programs: readonly ProgramSummary[],
): string {
  const large = installs.filter(({ what }) => what.sessions === TARGET.sessions);
  const fewest = costs[0]?.entries ?? 0;
  const isMore = ({ entries }: LaneSummary): boolean => entries > fewest;
  const judgeMore = ({ addedPercent }: ProgramSummary): string =>
    judge(1 + addedPercent / 100, TARGET.cpuRatio);
  const judgeWay = (found: Install, way: Way): string =>
    judge(spreadOfWay(found, way).median, TARGET.installMs);
  const lines = [
    ...large.flatMap((found) =>
      WAYS.map((way) => `${found.what.entriesEach} entries each, ${way}: ${judgeWay(found, way)}`),
    ),
    ...costs
      .filter(isMore)
      .map(({ load, entries, interval }) => `${load}, ${entries} entries: ${judgeInterval(interval)}`),
    ...programs.filter(isMore).map((lane) => `program alone, ${lane.entries} entries: ${judgeMore(lane)}`),
  ];
  return formatParts(
    `Targets: ${TARGET.sessions} sessions installed within ${TARGET.installMs} ms, by the median; CPU per datagram ` +
      `at most ${TARGET.cpuRatio} times that with ${fewest} entries, by the interval, and by the program alone.`,
    lines.map((line) => `- ${line}`).join('\n'),
  );
}

function judgeInterval({ low, high }: Interval): string {
  return low <= TARGET.cpuRatio && high > TARGET.cpuRatio ? 'not resolved' : judge(high, TARGET.cpuRatio);
}
