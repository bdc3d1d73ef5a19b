/** What a datagram costs with few and with many entries in the kernel's map: the same traffic on a lane for each. */
import type { Child } from '../child.ts';
import { makeReady, measure, PACED, SATURATED, type Running } from '../stage/measure.ts';
import { aimAtEdge, type Place } from '../stage/stage.ts';
import { inTurn, playRounds } from '../turns.ts';
import type { EdgeCommands, Fill } from './edge.ts';
import { LIVE_SLOT_PORT } from './entries.ts';
import type { CostRound, ProgramRound, Traffic } from './summary.ts';

/** A lane whose edge has so many entries. */
export interface LoadedLane {
  entries: number;
  running: Running;
  edge: Child<EdgeCommands>;
}

/** How much is measured; seconds are of each load on each lane. */
type CostPlan = Record<'rounds' | 'seconds', number>;

/** Lets the edge of a lane forward. @throws Error when it does not */
export async function openLoadedLane(place: Place, fill: Fill): Promise<LoadedLane> {
  const edge = place.group.start<EdgeCommands>(new URL('./edge.ts', import.meta.url));
  const hostPorts = await aimAtEdge(place, () => LIVE_SLOT_PORT);
  await edge.ask.forward(place.lane, hostPorts, fill);
  const running = { place };
  await makeReady(running);
  return { entries: fill.entries, running, edge };
}

/** Rounds of both loads on every lane. */
export async function measureCosts(
  lanes: readonly LoadedLane[],
  { rounds, seconds }: CostPlan,
): Promise<CostRound[]> {
  return await playRounds(rounds, 'datagrams, round', async (round) => {
    const measured = await inTurn(lanes, round, async ({ entries, running }) => {
      const take = async (load: typeof PACED | typeof SATURATED): Promise<Traffic> => {
        const { cpuNs, rate, lossPercent } = await measure(running, { ...load, seconds });
        return { entries, cpuNs, rate, lossPercent };
      };
      return { paced: await take(PACED), saturated: await take(SATURATED) };
    });
    return {
      paced: measured.map(({ paced }) => paced),
      saturated: measured.map(({ saturated }) => saturated),
    };
  });
}

/**
 * How long the program runs for a datagram on each lane, by the kernel's own clock: the one part of the cost that
 * depends on the entries, without all the rest.
 *
 * @returns ns, for each round and lane
 */
export async function measurePrograms(
  lanes: readonly LoadedLane[],
  { rounds, seconds }: CostPlan,
): Promise<ProgramRound[]> {
  await lanes[0]?.edge.ask.keepTime(true);
  const found = await playRounds(rounds, 'kernel program, round', (round) =>
    inTurn(lanes, round, async ({ running, edge }) => {
      const before = await edge.ask.runs();
      await measure(running, { ...PACED, seconds });
      const after = await edge.ask.runs();
      return (after.ns - before.ns) / (after.runs - before.runs);
    }),
  );
  await lanes[0]?.edge.ask.keepTime(false);
  return found;
}
