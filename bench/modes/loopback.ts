/** What the relay adds to a direct wire and to a bare forwarder, and what sessions cost in memory. */
import { z } from 'zod';
import { FLOWS_MAX, startBench, WIRES, type Bench } from '../loopback/load.ts';
import { measureMemory } from '../loopback/memory.ts';
import { CAPACITY, formatResults, type Results } from '../loopback/report.ts';
import { measureRound, summarizeRounds, type RoundsSummary } from '../loopback/rounds.ts';
import { describeMachine } from '../machine.ts';
import { count, createMode, seconds } from '../mode.ts';
import { findHighest } from '../search.ts';
import { spreadsOf } from '../statistics.ts';
import { playRounds, say } from '../turns.ts';

const RATES = [5_000, 20_000, 40_000] as const;
/** Rounds with one flow, for each with 20. */
const SINGLE_PART = 0.6;
/** Of a load, for each measured ms: sent first and not measured for latency. */
const WARM_PART = 0.25;
/** The forwarders' code is compiled before anything counts. */
const WARM_UP = { flows: FLOWS_MAX, rate: 20_000, warmMs: 0, measuredMs: 1_000, isSinkNapping: false };
const RANGE = { min: 20_000, max: 200_000 } as const;
/** One try. A quarter of a second of overload by a tenth is enough to show. */
const TRY = { flows: FLOWS_MAX, warmMs: 200, measuredMs: 600, isSinkNapping: false } as const;

const OPTIONS = z.object({
  rounds: count.default(5).describe('with 20 flows; three for each five with one flow'),
  seconds: seconds.default(0.8).describe('measured of each load'),
  searches: count.default(2).describe('for the highest lossless rates'),
  steps: count.default(6).describe('of each search'),
  slots: count.max(FLOWS_MAX).default(1).describe("upstream slots that the relay's 20 sessions share"),
  profile: z
    .string()
    .default('')
    .describe('folder for a CPU profile of the relay; the figures then mean nothing'),
});
type Plan = z.infer<typeof OPTIONS>;

export const loopback = createMode({
  name: 'loopback',
  question: 'what the relay adds to a direct wire and to a bare forwarder, and what sessions cost in memory',
  needs: '4 minutes',
  options: OPTIONS,
  quick: { rounds: 1, seconds: 0.3, searches: 1, steps: 2 },
  measure: async (plan, isQuick): Promise<Results> => {
    say('memory');
    const memory = await measureMemory();
    const relayExecArgv = plan.profile === '' ? [] : ['--cpu-prof', `--cpu-prof-dir=${plan.profile}`];
    const bench = await startBench(plan.slots, relayExecArgv);
    try {
      for (const wire of WIRES) await bench.run({ ...WARM_UP, wire });
      const loads = await measureLoads(bench, plan);
      const range = { ...RANGE, steps: plan.steps };
      const searches = await playRounds(plan.searches, 'highest lossless rate, search', () =>
        findHighest(WIRES, range, (wire, rate) => bench.run({ ...TRY, wire, rate })),
      );
      const dropped = Object.entries(await bench.dropped()).filter(([, count]) => count > 0);
      const capacity = spreadsOf(searches, CAPACITY);
      const streamed = { loads, capacity, dropped: Object.fromEntries(dropped) };
      return { machine: describeMachine(), isQuick, slots: plan.slots, ...streamed, memory };
    } finally {
      await bench.stop();
    }
  },
  format: formatResults,
});

async function measureLoads(bench: Bench, { rounds, seconds }: Plan): Promise<RoundsSummary[]> {
  const summaries: RoundsSummary[] = [];
  const measuredMs = seconds * 1000;
  const sets = [
    { flows: FLOWS_MAX, count: rounds },
    { flows: 1, count: Math.floor(rounds * SINGLE_PART) },
  ];
  for (const { flows, count } of sets.filter(({ count }) => count > 0)) {
    for (const rate of RATES) {
      const load = { flows, rate, warmMs: WARM_PART * measuredMs, measuredMs };
      const measured = await playRounds(count, `${flows} flows, ${rate} datagrams/s, round`, (round) =>
        measureRound(bench, load, round),
      );
      summaries.push(summarizeRounds(load, measured));
    }
  }
  return summaries;
}
