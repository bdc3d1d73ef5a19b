/**
 * `npm run bench -- --install`: what sessions in the kernel's map cost: to put them there, to read their counts, in
 * memory, and for each datagram. Prints tables and writes ../results/install.json. Needs root.
 */
import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import type { Child } from '../child.ts';
import { measureCosts, measurePrograms, openLoadedLane } from './cost.ts';
import type { EdgeCommands } from './edge.ts';
import { formatInstall } from './report.ts';
import { WAYS, type InstallCase, type InstallMeasurements, type InstallRound, type Way } from './summary.ts';
import { measureMemory } from '../memory.ts';
import { createStage, type Stage } from '../vs/stage.ts';

const USAGE = `npm run bench -- --install [options]

  --rounds N   of each measurement; default 20
  --quick      3 short rounds: for trying things out, not for figures
`;

const SESSIONS = [1, 1_000, 10_000] as const;
const ENTRIES_EACH = [2, 3] as const;
const INSTALL_ENTRIES_MAX = 32_768;
/** The last: 100 000 sessions with three entries each. */
const ENTRIES = [20, 10_000, 100_000, 300_000] as const;
/** Twice the fewest: how far two lanes differ that are alike. */
const COST_ENTRIES = [20, ...ENTRIES] as const;
const COST_ENTRIES_MAX = 300_000;
/** A relay's map of each family, with its 4095 flows; and larger ones. */
const MAPS = [12_285, 100_000, 300_000] as const;

/** What is measured. */
export interface InstallPlan {
  rounds: number;
  /** Of each load on each lane. */
  seconds: number;
}

/** Measures everything; four minutes. @throws Error without root or iproute2 */
export async function measureInstall({ rounds, seconds }: InstallPlan): Promise<InstallMeasurements> {
  const stage = await createStage();
  try {
    say('maps ...');
    const maps = await measureMaps(stage, rounds);
    say('datagrams ...');
    const traffic = await measureTraffic(stage, { rounds, seconds });
    say('memory ...');
    const { rssBytesPerSession } = (await measureMemory()).oneSlot;
    return { ...maps, ...traffic, rssBytesPerSession };
  } finally {
    stage.close();
  }
}

type MapMeasurements = Pick<InstallMeasurements, 'installs' | 'reads' | 'maps'>;

async function measureMaps(stage: Stage, rounds: number): Promise<MapMeasurements> {
  const { edge: namespace = '' } = stage.addLane(1);
  // The sessions' addresses are nobody's, but there is a way to them.
  execFileSync('ip', ['-n', namespace, 'route', 'add', 'default', 'dev', 'to-client']);
  const file = new URL('./edge.ts', import.meta.url);
  const edge = stage.createGroup('maps').start<EdgeCommands>(namespace, file, []);
  try {
    const cases = SESSIONS.flatMap((sessions) =>
      ENTRIES_EACH.map((entriesEach) => ({ sessions, entriesEach })),
    );
    const installs = cases.map((what) => ({ what, rounds: [] as InstallRound[] }));
    const reads = ENTRIES.map((entries) => ({ entries, rounds: [] as number[] }));
    // One round first that does not count: code is compiled.
    for (let round = 0; round <= rounds; round += 1) {
      for (const { what, rounds: found } of installs) found[round] = await installEachWay(edge, what);
      for (const { entries, rounds: found } of reads) found[round] = await edge.ask('readCounts', entries);
    }
    for (const { rounds: found } of [...installs, ...reads]) found.shift();
    const maps = [];
    for (const entriesMax of MAPS) maps.push({ entriesMax, bytes: await edge.ask('mapBytes', entriesMax) });
    return { installs, reads, maps };
  } finally {
    await edge.stop();
  }
}

async function installEachWay(edge: Child<EdgeCommands>, what: InstallCase): Promise<InstallRound> {
  const found: Partial<Record<Way, number>> = {};
  for (const way of WAYS) {
    found[way] = await edge.ask('install', { ...what, way, entriesMax: INSTALL_ENTRIES_MAX });
  }
  return found as InstallRound;
}

async function measureTraffic(
  stage: Stage,
  plan: InstallPlan,
): Promise<Pick<InstallMeasurements, 'costs' | 'programs'>> {
  const lanes = [];
  for (const [index, entries] of COST_ENTRIES.entries()) {
    lanes.push(await openLoadedLane(stage, { index: index + 2, entries, entriesMax: COST_ENTRIES_MAX }));
  }
  await measureCosts(stage, lanes, { ...plan, rounds: 1 });
  const costs = await measureCosts(stage, lanes, plan);
  return { costs, programs: await measurePrograms(stage, lanes, plan) };
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** The command. @param args - of the command line, `--install` among them */
export async function runInstall(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      install: { type: 'boolean' },
      rounds: { type: 'string', default: '20' },
      quick: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const rounds = Number(values.rounds);
  if (values.help || !Number.isInteger(rounds) || rounds < 1) {
    process.stdout.write(USAGE);
    process.exitCode = values.help ? 0 : 2;
    return;
  }
  const results = await measureInstall(values.quick ? { rounds: 3, seconds: 0.3 } : { rounds, seconds: 0.5 });
  await writeFile(
    new URL('../results/install.json', import.meta.url),
    `${JSON.stringify(results, null, 2)}\n`,
  );
  process.stdout.write(`${formatInstall(results)}\n`);
}
