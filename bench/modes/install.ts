/** What sessions in the kernel's map cost: to put them there, to read their counts, in memory, and for each datagram. */
import { z } from 'zod';
import type { Child } from '../child.ts';
import { measureCosts, measurePrograms, openLoadedLane, type LoadedLane } from '../install/cost.ts';
import type { EdgeCommands } from '../install/edge.ts';
import { formatInstall } from '../install/report.ts';
import { WAYS } from '../install/summary.ts';
import type { InstallCase, InstallMeasurements, InstallRound } from '../install/summary.ts';
import { measureSessions } from '../loopback/memory.ts';
import { count, createMode, seconds } from '../mode.ts';
import { runInside } from '../stage/network.ts';
import { onStage, type Stage } from '../stage/stage.ts';
import { oneByOne, playRounds, say } from '../turns.ts';

const SESSIONS = [1, 1_000, 10_000] as const;
const ENTRIES_EACH = [2, 3] as const;
const CASES = SESSIONS.flatMap((sessions) => ENTRIES_EACH.map((entriesEach) => ({ sessions, entriesEach })));
const INSTALL_ENTRIES_MAX = 32_768;
/** The last: 100 000 sessions with three entries each. */
const ENTRIES = [20, 10_000, 100_000, 300_000] as const;
/** Twice the fewest: how far two lanes differ that are alike. */
const COST_ENTRIES = [20, ...ENTRIES] as const;
const COST_ENTRIES_MAX = 300_000;
/** A relay's map of each family, with its 4095 flows; and larger ones. */
const MAPS = [12_285, 100_000, 300_000] as const;

const OPTIONS = z.object({
  rounds: count.default(20).describe('of each measurement'),
  seconds: seconds.default(0.5).describe('of each load on each lane'),
});
type Plan = z.infer<typeof OPTIONS>;

export const install = createMode({
  name: 'install',
  question: "what sessions in the kernel's map cost",
  needs: 'Needs root; 4 minutes',
  options: OPTIONS,
  quick: { rounds: 3, seconds: 0.3 },
  measure: async (plan): Promise<InstallMeasurements> => {
    const measured = await onStage(async (stage) => ({
      ...(await measureMaps(stage, plan.rounds)),
      ...(await measureTraffic(stage, plan)),
    }));
    say('memory');
    const { rssBytesPerSession } = await measureSessions(1);
    return { ...measured, rssBytesPerSession };
  },
  format: formatInstall,
});

type MapMeasurements = Pick<InstallMeasurements, 'installs' | 'reads' | 'maps'>;
type TrafficMeasurements = Pick<InstallMeasurements, 'costs' | 'programs'>;

async function measureMaps(stage: Stage, rounds: number): Promise<MapMeasurements> {
  const { edge: namespace, group } = stage.addPlace(1);
  // The sessions' addresses are nobody's, but there is a way to them.
  runInside(namespace, ['ip', 'route', 'add', 'default', 'dev', 'to-client']);
  const edge = group.start<EdgeCommands>(new URL('../install/edge.ts', import.meta.url));
  const installs = CASES.map((what) => ({ what, rounds: [] as InstallRound[] }));
  const reads = ENTRIES.map((entries) => ({ entries, rounds: [] as number[] }));
  const play = async (): Promise<void> => {
    for (const { what, rounds } of installs) rounds.push(await installEachWay(edge, what));
    for (const { entries, rounds } of reads) rounds.push(await edge.ask.readCounts(entries));
  };
  try {
    // Code is compiled: that round does not count.
    await play();
    for (const { rounds } of [...installs, ...reads]) rounds.pop();
    await playRounds(rounds, 'maps, round', play);
    const maps = await oneByOne(MAPS, async (entriesMax) => {
      return { entriesMax, bytes: await edge.ask.mapBytes(entriesMax) };
    });
    return { installs, reads, maps };
  } finally {
    await edge.stop();
  }
}

async function installEachWay(edge: Child<EdgeCommands>, what: InstallCase): Promise<InstallRound> {
  const ms = await oneByOne(WAYS, async (way) => {
    return [way, await edge.ask.install(what, way, INSTALL_ENTRIES_MAX)] as const;
  });
  return Object.fromEntries(ms) as InstallRound;
}

async function measureTraffic(stage: Stage, plan: Plan): Promise<TrafficMeasurements> {
  const lanes = await oneByOne([...COST_ENTRIES.entries()], ([index, entries]): Promise<LoadedLane> => {
    return openLoadedLane(stage.addPlace(index + 2), { entries, entriesMax: COST_ENTRIES_MAX });
  });
  say('warming up');
  await measureCosts(lanes, { ...plan, rounds: 1 });
  const costs = await measureCosts(lanes, plan);
  return { costs, programs: await measurePrograms(lanes, plan) };
}
