/**
 * `npm run bench`: what the relay adds to a direct wire and to a bare forwarder, and what sessions cost in memory.
 * Prints the tables and writes results/loopback.json. Method and figures: README.md.
 */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { findCapacity, summarizeCapacity, type Capacity } from './capacity.ts';
import { FLOWS_MAX, startBench, WIRES, type Bench } from './load.ts';
import { describeMachine } from './machine.ts';
import { measureMemory } from './memory.ts';
import { formatResults, type Results } from './report.ts';
import { measureRounds, summarizeRounds, type RoundsSummary } from './rounds.ts';

const USAGE = `npm run bench -- [options]

  --quick          under 40 s: fewer and shorter rounds, for trying things out
  --slots N        upstream slots that the relay's 20 sessions share, 1..20; default 1
  --profile DIR    writes a CPU profile of the relay's process to DIR; the figures then mean nothing
`;

const RATES = [5_000, 20_000, 40_000] as const;
/** The forwarders' code is compiled before anything counts. */
const WARM_UP = {
  flows: FLOWS_MAX,
  rate: 20_000,
  warmMs: 0,
  measuredMs: 1_000,
  isSinkNapping: false,
} as const;

interface Plan {
  warmMs: number;
  measuredMs: number;
  /** How many rounds with how many flows. */
  sets: readonly { flows: number; rounds: number }[];
  searches: number;
  /** Halvings of each search. */
  steps: number;
}

const FULL: Plan = {
  warmMs: 200,
  measuredMs: 800,
  sets: [
    { flows: 20, rounds: 5 },
    { flows: 1, rounds: 3 },
  ],
  searches: 2,
  steps: 6,
};
const QUICK: Plan = {
  warmMs: 100,
  measuredMs: 300,
  sets: [{ flows: 20, rounds: 1 }],
  searches: 1,
  steps: 2,
};

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

async function measureLoads(bench: Bench, plan: Plan): Promise<RoundsSummary[]> {
  const summaries: RoundsSummary[] = [];
  const { warmMs, measuredMs } = plan;
  for (const { flows, rounds } of plan.sets) {
    for (const rate of RATES) {
      say(`${flows} flows, ${rate} datagrams/s, ${rounds} rounds ...`);
      const load = { flows, rate, rounds, warmMs, measuredMs };
      summaries.push(summarizeRounds(load, await measureRounds(bench, load)));
    }
  }
  return summaries;
}

async function measureCapacity(bench: Bench, { searches, steps }: Plan): Promise<Capacity[]> {
  const found: Capacity[] = [];
  for (let search = 1; search <= searches; search += 1) {
    say(`highest lossless rate, search ${search} of ${searches} ...`);
    found.push(await findCapacity(bench, FLOWS_MAX, steps));
  }
  return found;
}

/** The command. @param args - of the command line */
export async function runLoopback(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      slots: { type: 'string', default: '1' },
      profile: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  const slots = Number(values.slots);
  if (values.help || !Number.isInteger(slots) || slots < 1 || slots > FLOWS_MAX) {
    process.stdout.write(USAGE);
    process.exitCode = values.help ? 0 : 2;
    return;
  }
  const plan = values.quick ? QUICK : FULL;
  const relayExecArgv =
    values.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${values.profile}`];

  say('memory ...');
  const memory = await measureMemory();
  const bench = await startBench({ slots, relayExecArgv });
  let streamed: Pick<Results, 'loads' | 'capacity' | 'dropped'>;
  try {
    for (const wire of WIRES) await bench.run({ ...WARM_UP, wire });
    const loads = await measureLoads(bench, plan);
    const capacity = summarizeCapacity(await measureCapacity(bench, plan));
    const dropped = Object.entries(await bench.dropped()).filter(([, count]) => count > 0);
    streamed = { loads, capacity, dropped: Object.fromEntries(dropped) };
  } finally {
    await bench.stop();
  }
  const results: Results = { machine: describeMachine(), isQuick: values.quick, slots, ...streamed, memory };
  await writeFile(
    new URL('./results/loopback.json', import.meta.url),
    `${JSON.stringify(results, null, 2)}\n`,
  );
  process.stdout.write(`${formatResults(results)}\n`);
}
