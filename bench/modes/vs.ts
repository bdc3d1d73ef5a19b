/**
 * Our relay beside what somebody would use instead, in one run on one machine, in network namespaces. A full run draws
 * the plot as well.
 */
import { z } from 'zod';
import { describeMachine } from '../machine.ts';
import { count, createMode, resultsFile, seconds } from '../mode.ts';
import { findHighest } from '../search.ts';
import { FLOWS } from '../stage/lanes.ts';
import { makeReady, measure, PACED, SATURATED } from '../stage/measure.ts';
import type { Load, Measurement, Running } from '../stage/measure.ts';
import { onStage, type Stage } from '../stage/stage.ts';
import { spreadOf } from '../statistics.ts';
import { inTurn, playRounds, say } from '../turns.ts';
import type { Candidate } from '../vs/candidates/candidate.ts';
import { coturn } from '../vs/candidates/coturn.ts';
import { nftables } from '../vs/candidates/nftables.ts';
import { nginx } from '../vs/candidates/nginx.ts';
import { relayNeigh, relayPeer, relayUserspace } from '../vs/candidates/relay.ts';
import { direct, kernelForwarding, nodeDgram } from '../vs/candidates/plain.ts';
import { plotResults } from '../vs/plot.ts';
import { formatComparison, type ComparisonResults } from '../vs/report.ts';
import { isQuiet, judgeAll, summarize, type RatesMax, type Round } from '../vs/summary.ts';

/** What runs whatever is asked for, in the order of the tables: everything is compared to the first two. */
const ALWAYS = [direct, kernelForwarding, relayNeigh, relayPeer, relayUserspace];
const ALTERNATIVES = [nftables, nginx, coturn, nodeDgram];

/** Loads that other programs disturbed are repeated: so many of one run, each at most twice. */
const REPEATS_MAX = 60;
const REPEATS_OF_LOAD_MAX = 2;
/** One try of a search. A quarter of a second of overload by a tenth is enough to show. */
const TRY_SECONDS = 0.3;
/** Between which rates is searched, with single datagrams and with segmented bursts. */
const [RATE_MIN, SINGLE_MAX, SEGMENTED_MAX] = [20_000, 400_000, 4_000_000];
const PLOT = new URL('../../docs/cpu-per-datagram.svg', import.meta.url);

const NAMES = [kernelForwarding, ...ALTERNATIVES].map(({ name }) => name);
const OPTIONS = z.object({
  names: z
    .string()
    .default('')
    .refine((names) => names === '' || names.split(',').every((name) => NAMES.includes(name)))
    .describe(`only these of ${NAMES.join(', ')}`),
  rounds: count.default(40).describe('of all candidates'),
  seconds: seconds.default(0.3).describe('of each load'),
  searches: count.default(2).describe('for the highest lossless rates'),
  steps: count.default(6).describe('of each search'),
});
type Plan = z.infer<typeof OPTIONS>;

interface Entrant {
  candidate: Candidate;
  running: Running;
}

export const vs = createMode({
  name: 'vs',
  question: 'the relay beside plain kernel forwarding and what else is installed',
  needs: 'Needs root; 8 minutes',
  options: OPTIONS,
  quick: { rounds: 3, searches: 1, steps: 2 },
  measure: (plan) => onStage((stage) => compare(stage, plan)),
  format: formatComparison,
  files: (results) => [resultsFile('vs', results), { url: PLOT, text: plotResults(results) }],
});

async function compare(stage: Stage, plan: Plan): Promise<ComparisonResults> {
  /** By title; at most one for each candidate. */
  const missing: Record<string, string> = {};
  const entrants = await startAll(stage, plan.names, missing);
  const repeats = { left: REPEATS_MAX };
  const play = (round: number): Promise<Round> => playRound(entrants, round, { ...plan, repeats });
  say('warming up');
  await play(0);
  const rounds = await playRounds(plan.rounds, 'round', play);
  const searches = await playRounds(plan.searches, 'highest lossless rates, search', () =>
    search(entrants, plan.steps),
  );
  const loads = rounds
    .flatMap((round) => Object.values(round))
    .flatMap((turn) => [turn.paced, turn.saturated]);
  const candidates = entrants.map(({ candidate }) => summarize(candidate, rounds, searches));
  return {
    machine: describeMachine(),
    rate: PACED.load.rate,
    flows: FLOWS,
    rounds: plan.rounds,
    seconds: plan.seconds,
    searches: plan.searches,
    foreignCpuPercent: spreadOf(loads.map(({ foreignCpuPercent }) => foreignCpuPercent)),
    candidates,
    missing,
    verdicts: judgeAll(candidates),
  };
}

/** @param missing - is told what cannot run, and why */
async function startAll(stage: Stage, names: string, missing: Record<string, string>): Promise<Entrant[]> {
  const asked = ALTERNATIVES.filter(({ name }) => names === '' || names.split(',').includes(name));
  const entrants: Entrant[] = [];
  for (const [index, candidate] of [...ALWAYS, ...asked].entries()) {
    const reason = candidate.whyNot?.();
    if (reason !== undefined) {
      missing[candidate.title] = reason;
      continue;
    }
    say(`starting: ${candidate.title}`);
    const place = stage.addPlace(index);
    try {
      const running = await candidate.start(place);
      await makeReady(running);
      entrants.push({ candidate, running });
    } catch (error) {
      place.group.end();
      missing[candidate.title] = error instanceof Error ? error.message : String(error);
    }
  }
  return entrants;
}

/**
 * Short loads, all candidates right after one another with each: what is compared ran within seconds, while the machine
 * was as it was.
 */
async function playRound(
  entrants: readonly Entrant[],
  round: number,
  { seconds, repeats }: Plan & { repeats: { left: number } },
): Promise<Round> {
  const measureAll = (load: Load): Promise<Measurement[]> =>
    inTurn(entrants, round, ({ running }) => measureInQuiet(running, load, repeats));
  const paced = await measureAll({ ...PACED, seconds });
  const saturated = await measureAll({ ...SATURATED, seconds });
  const turns = entrants.map(({ candidate: { name } }, at) => [
    name,
    { paced: paced[at], saturated: saturated[at] },
  ]);
  return Object.fromEntries(turns) as Round;
}

/** @returns the least disturbed of a few tries. */
async function measureInQuiet(running: Running, load: Load, repeats: { left: number }): Promise<Measurement> {
  let best = await measure(running, load);
  for (let repeat = 0; repeat < REPEATS_OF_LOAD_MAX && repeats.left > 0 && !isQuiet(best); repeat += 1) {
    repeats.left -= 1;
    const next = await measure(running, load);
    if (next.foreignCpuPercent < best.foreignCpuPercent) best = next;
  }
  return best;
}

async function search(entrants: readonly Entrant[], steps: number): Promise<Record<string, RatesMax>> {
  const find = (load: Pick<Load, 'burst' | 'isSegmented'>, max: number): Promise<number[]> =>
    findHighest(entrants, { min: RATE_MIN, max, steps }, ({ running }, rate) =>
      measure(running, { ...load, seconds: TRY_SECONDS, load: { rate } }),
    );
  const single = await find({ burst: 20 }, SINGLE_MAX);
  const segmented = await find({ burst: 40, isSegmented: true }, SEGMENTED_MAX);
  const rates = entrants.map(({ candidate: { name } }, at) => [
    name,
    { single: single[at], segmented: segmented[at] },
  ]);
  return Object.fromEntries(rates) as Record<string, RatesMax>;
}
