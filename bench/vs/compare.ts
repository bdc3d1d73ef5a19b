/**
 * `npm run bench -- --vs`: our relay beside what somebody would use instead, in one run on one machine, in network namespaces.
 * Prints tables; a full run writes ../results/vs.json and the plot. Method and figures: ../README.md.
 */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { describeMachine } from '../machine.ts';
import { spreadOf, type Spread } from '../statistics.ts';
import type { Candidate } from './candidates/candidate.ts';
import { coturn } from './candidates/coturn.ts';
import { nftables } from './candidates/nftables.ts';
import { nginx } from './candidates/nginx.ts';
import { nodeDgram } from './candidates/node-dgram.ts';
import { relayNeigh, relayPeer, relayUserspace } from './candidates/relay.ts';
import { direct, kernelForwarding } from './candidates/wires.ts';
import { FLOWS } from './lanes.ts';
import { makeReady, measure, type Entrant, type Load, type Measurement } from './measure.ts';
import { ALTERNATIVE_NAMES, COMPARISON, planComparison, type ComparisonPlan } from './plan.ts';
import { plotRatios } from './plot.ts';
import { formatComparison, type ComparisonResults } from './report.ts';
import { search } from './search.ts';
import { createStage, type Stage } from './stage.ts';
import { isQuiet, summarize, type Round, type Search, type Turn } from './summary.ts';
import { judge, TARGETS } from './targets.ts';

/** What runs whatever is asked for, in the order of the tables. */
const ALWAYS = [direct, kernelForwarding, relayNeigh, relayPeer, relayUserspace];
const ALTERNATIVES = [nftables, nginx, coturn, nodeDgram];

const RATE = 50_000;
/** Small enough for its last datagram not to wait long behind the others. */
const PACED = { load: { rate: RATE }, burst: 8 } as const;
const SATURATED = { load: { onTheWayMax: 512 }, burst: 20 } as const;
/** Loads that other programs disturbed are repeated: so many of one run, each at most twice. */
const REPEATS_MAX = 60;
const REPEATS_OF_LOAD_MAX = 2;
const RESULTS = new URL('../results/vs.json', import.meta.url);
const PLOT = new URL('../../docs/cpu-per-datagram.svg', import.meta.url);

const USAGE = `npm run bench -- --vs [names] [options]

The relay in the kernel and in user space beside plain kernel forwarding and what is installed of ${ALTERNATIVE_NAMES.join(', ')}
(or of those of them that are named, separated by commas). Needs root.

  --quick          under a minute, writes no files: for trying things out
  --rounds N       default ${COMPARISON.rounds}
  --seconds S      of each load; default ${COMPARISON.seconds}
`;

/** The command. @param args - of the command line, `--vs` among them */
export async function runComparison(args: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      vs: { type: 'boolean' },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      quick: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const plan = values.help ? undefined : planComparison({ ...values, names: positionals });
  if (plan !== undefined) {
    await compare(plan);
    return;
  }
  process.stdout.write(USAGE);
  process.exitCode = values.help ? 0 : 2;
}

/** Runs everything and prints it. Needs root. @throws Error where there can be no namespaces */
async function compare(plan: ComparisonPlan): Promise<void> {
  const stage = await createStage();
  try {
    const missing: Record<string, string> = {};
    const entrants = await startAll(stage, chooseCandidates(plan, missing), missing);
    const foreign: number[] = [];
    const rounds = await runRounds(stage, entrants, plan, foreign);
    const searches = await runSearches(stage, entrants, plan);
    await tell(plan, collectResults({ plan, entrants, missing, rounds, searches, foreign }));
  } finally {
    stage.close();
  }
}

function chooseCandidates({ alternatives }: ComparisonPlan, missing: Record<string, string>): Candidate[] {
  const asked = ALTERNATIVES.filter(({ name }) => alternatives?.includes(name) ?? true);
  return [...ALWAYS, ...asked].filter((candidate) => {
    const reason = candidate.whyNot();
    if (reason !== undefined) missing[candidate.title] = reason;
    return reason === undefined;
  });
}

async function startAll(
  stage: Stage,
  candidates: readonly Candidate[],
  missing: Record<string, string>,
): Promise<Entrant[]> {
  const entrants: Entrant[] = [];
  for (const [index, candidate] of candidates.entries()) {
    say(`starting: ${candidate.title} ...`);
    const lane = stage.addLane(index);
    const group = stage.createGroup(`lane${index}`);
    try {
      const entrant = { candidate, lane, group, running: await candidate.start({ stage, lane, group }) };
      await makeReady(stage, entrant);
      entrants.push(entrant);
    } catch (error) {
      group.end();
      missing[candidate.title] = error instanceof Error ? error.message : String(error);
    }
  }
  return entrants;
}

/**
 * Short loads, all candidates right after one another with each: what is compared ran within seconds, while the machine was as
 * it was. Every second round runs backwards, so that nobody is always the one behind the same other. One more goes
 * first, uncounted.
 */
async function runRounds(
  stage: Stage,
  entrants: readonly Entrant[],
  { rounds, seconds }: ComparisonPlan,
  foreign: number[],
): Promise<Round[]> {
  const done: Round[] = [];
  const repeats = { left: REPEATS_MAX };
  for (let index = 0; index <= rounds; index += 1) {
    say(index === 0 ? 'warming up ...' : `round ${index} of ${rounds} ...`);
    const order = index % 2 === 0 ? entrants : entrants.toReversed();
    const measureEach = (load: Load): Promise<Measurement[]> => measureAll(stage, order, load, repeats);
    const paced = await measureEach({ ...PACED, seconds });
    const saturated = await measureEach({ ...SATURATED, seconds });
    if (index === 0) continue;
    foreign.push(...[...paced, ...saturated].map(({ foreignCpuPercent }) => foreignCpuPercent));
    done.push(collectRound(order, paced, saturated));
  }
  return done;
}

async function measureAll(
  stage: Stage,
  entrants: readonly Entrant[],
  load: Load,
  repeats: { left: number },
): Promise<Measurement[]> {
  const measured: Measurement[] = [];
  for (const entrant of entrants) measured.push(await measureInQuiet(stage, entrant, load, repeats));
  return measured;
}

function collectRound(
  entrants: readonly Entrant[],
  paced: readonly Measurement[],
  saturated: readonly Measurement[],
): Round {
  const turns: Record<string, Turn> = {};
  for (const [index, { candidate }] of entrants.entries()) {
    const [atRate, atMost] = [paced[index], saturated[index]];
    if (atRate !== undefined && atMost !== undefined) {
      turns[candidate.name] = { paced: atRate, saturated: atMost };
    }
  }
  return turns;
}

/** @returns the least disturbed of a few tries. */
async function measureInQuiet(
  stage: Stage,
  entrant: Entrant,
  load: Load,
  repeats: { left: number },
): Promise<Measurement> {
  let best = await measure(stage, entrant, load);
  for (let repeat = 0; repeat < REPEATS_OF_LOAD_MAX && repeats.left > 0 && !isQuiet(best); repeat += 1) {
    repeats.left -= 1;
    const next = await measure(stage, entrant, load);
    if (next.foreignCpuPercent < best.foreignCpuPercent) best = next;
  }
  return best;
}

async function runSearches(
  stage: Stage,
  entrants: readonly Entrant[],
  { searches, steps }: ComparisonPlan,
): Promise<Search[]> {
  const done: Search[] = [];
  for (let index = 1; index <= searches; index += 1) {
    say(`highest lossless rates, search ${index} of ${searches} ...`);
    done.push(await search(stage, entrants, steps));
  }
  return done;
}

interface Found {
  plan: ComparisonPlan;
  entrants: readonly Entrant[];
  missing: Record<string, string>;
  rounds: readonly Round[];
  searches: readonly Search[];
  foreign: readonly number[];
}

function collectResults({ plan, entrants, missing, rounds, searches, foreign }: Found): ComparisonResults {
  const candidates = entrants.map(({ candidate: { name, title } }) =>
    summarize({ name, title }, rounds, searches),
  );
  const foreignCpuPercent: Spread = spreadOf(foreign);
  return {
    machine: describeMachine(),
    rate: RATE,
    flows: FLOWS,
    rounds: plan.rounds,
    seconds: plan.seconds,
    searches: plan.searches,
    foreignCpuPercent,
    candidates,
    missing,
    verdicts: judge(candidates),
  };
}

async function tell({ isKept }: ComparisonPlan, results: ComparisonResults): Promise<void> {
  process.stdout.write(`${formatComparison(results)}\n`);
  if (!isKept) return;
  const { machine, candidates } = results;
  const bars = candidates.map(({ name, title, pacedRatio, saturatedRatio }) => ({
    title,
    paced: pacedRatio,
    saturated: saturatedRatio,
    isOurs: name in TARGETS,
  }));
  const caption = `1200-byte datagrams over ${FLOWS} flows; generator, forwarder and sink on ${machine.cores} cores of ${machine.cpu}; medians of ${results.rounds} rounds`;
  await writeFile(RESULTS, `${JSON.stringify(results, null, 2)}\n`);
  await writeFile(PLOT, plotRatios(bars, caption));
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
