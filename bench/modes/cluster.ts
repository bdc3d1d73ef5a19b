/** What the parts cost as processes of their own: a launch beside the appliance's, and the table in Redis. */
import { z } from 'zod';
import { measureLaunches, WAYS, type Launch, type Way } from '../cluster/launches.ts';
import { measureTableCost, type TableCost } from '../cluster/table-cost.ts';
import { count, createMode, seconds } from '../mode.ts';
import { spreadOfRounds, type Spread } from '../statistics.ts';
import { formatParts, formatTable, judge } from '../tables.ts';

/** What all parts may add from /launch to the first frame, ms. */
const ADDED_MS_MAX = 30;
const SESSION_COUNTS = [10, 100, 1_000];

const OPTIONS = z.object({
  rounds: count.default(20).describe('launches each'),
  seconds: seconds.default(10).describe('of each number of sessions in the table'),
});

export const cluster = createMode({
  name: 'cluster',
  question: 'what the parts cost as processes of their own',
  needs: 'Needs redis-server and kubelab (npm run kube-lab); 3 minutes',
  options: OPTIONS,
  quick: { rounds: 3, seconds: 2 },
  measure: async ({ rounds, seconds: each }) => {
    const launches = await measureLaunches(rounds);
    const table = await measureTableCost(SESSION_COUNTS, each);
    return { rounds, seconds: each, launches, table };
  },
  format: ({ launches, table }) => formatParts(formatLaunches(launches), formatTableCost(table)),
});

function formatLaunches(launches: readonly Launch[]): string {
  const total = (round: Launch, way: Way): number => round[way].launch + round[way].frame;
  const added = spreadOfRounds(launches, (round) => total(round, 'cluster') - total(round, 'appliance'));
  const of = (pick: (round: Launch) => number): Spread => spreadOfRounds(launches, pick);
  const rows = WAYS.map((way) => ({
    way,
    launch: of((round) => round[way].launch),
    frame: of((round) => round[way].frame),
    total: of((round) => total(round, way)),
  }));
  return formatParts(
    'From /launch to the first frame, ms: median (extremes)',
    formatTable(rows, [
      ['through', ({ way }) => way],
      ['/launch answered', ({ launch }) => launch, 1],
      ['first frame after that', ({ frame }) => frame, 1],
      ['both', ({ total: both }) => both, 1],
    ]),
    `All parts add ${added.median.toFixed(1)} ms at the median (at most ${ADDED_MS_MAX}: ${judge(added.median, ADDED_MS_MAX)}).`,
  );
}

function formatTableCost(table: readonly TableCost[]): string {
  return formatParts(
    'The table in Redis, per session that streams and second',
    formatTable(table, [
      ['sessions', ({ sessions }) => sessions],
      ['Redis commands', ({ commands }) => commands, 2],
      ['CPU of Redis, ms', ({ redisCpuMs }) => redisCpuMs, 3],
      ['CPU of a process that writes and follows all, ms', ({ ownCpuMs }) => ownCpuMs, 3],
    ]),
  );
}
