/** What a datagram costs with few and with many entries in the kernel's map: the same traffic on a lane for each. */
import type { Child } from '../child.ts';
import type { EdgeCommands } from './edge.ts';
import { LIVE_SLOT_PORT } from './entries.ts';
import { LOADS, type CostRound, type LoadName, type ProgramRound, type Traffic } from './summary.ts';
import { edgeOf, type Place } from '../vs/candidates/candidate.ts';
import type { Generation } from '../vs/generator.ts';
import { makeReady, measure, type Entrant } from '../vs/measure.ts';
import type { Stage } from '../vs/stage.ts';

const LOAD: Record<LoadName, Pick<Generation, 'load' | 'burst'>> = {
  paced: { load: { rate: 50_000 }, burst: 8 },
  saturated: { load: { onTheWayMax: 512 }, burst: 20 },
};

/** A lane whose edge has so many entries. */
export interface LoadedLane {
  entries: number;
  entrant: Entrant;
  edge: Child<EdgeCommands>;
}

/** Opens a lane whose edge forwards. @throws Error when it does not */
export async function openLoadedLane(
  stage: Stage,
  { index, ...order }: { index: number; entries: number; entriesMax: number },
): Promise<LoadedLane> {
  const { entries } = order;
  const place = { stage, lane: stage.addLane(index), group: stage.createGroup(`entries${index}`) };
  const edge = await startForwarding(place, order);
  const name = `${entries} entries`;
  const candidate = { name, title: name, whyNot: () => undefined, start: () => Promise.resolve({}) };
  const entrant = { candidate, lane: place.lane, group: place.group, running: {} };
  await makeReady(stage, entrant);
  return { entries, entrant, edge };
}

async function startForwarding(
  place: Place,
  order: { entries: number; entriesMax: number },
): Promise<Child<EdgeCommands>> {
  const { stage, lane, group } = place;
  const file = new URL('./edge.ts', import.meta.url);
  const edge = group.start<EdgeCommands>(edgeOf(place), file, []);
  const destinations = lane.clients.map(() => ({ address: lane.edgeToPod, port: LIVE_SLOT_PORT }));
  const hostPorts = await stage.generator.ask('aim', { lane, destinations });
  await edge.ask('forward', { ...order, lane, hostPorts });
  return edge;
}

/** Rounds of both loads on every lane; every second round backwards. @param seconds - of each load on each lane */
export async function measureCosts(
  stage: Stage,
  lanes: readonly LoadedLane[],
  { rounds, seconds }: { rounds: number; seconds: number },
): Promise<CostRound[]> {
  const found: CostRound[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const measured: Record<LoadName, Traffic[]> = { paced: [], saturated: [] };
    const isForwards = round % 2 === 0;
    for (const { entries, entrant } of isForwards ? lanes : lanes.toReversed()) {
      for (const load of LOADS) {
        const { cpuNs, rate, lossPercent } = await measure(stage, entrant, { ...LOAD[load], seconds });
        measured[load].push({ entries, cpuNs, rate, lossPercent });
      }
    }
    if (!isForwards) for (const load of LOADS) measured[load].reverse();
    found.push(measured);
  }
  return found;
}

/**
 * How long the program runs for a datagram on each lane, by the kernel's own clock: the one part of the cost that
 * depends on the entries, without all the rest.
 *
 * @returns ns, for each round and lane
 */
export async function measurePrograms(
  stage: Stage,
  lanes: readonly LoadedLane[],
  { rounds, seconds }: { rounds: number; seconds: number },
): Promise<ProgramRound[]> {
  const found: ProgramRound[] = [];
  await lanes[0]?.edge.ask('keepTime', true);
  for (let round = 0; round < rounds; round += 1) {
    const isForwards = round % 2 === 0;
    const measured: number[] = [];
    for (const { entrant, edge } of isForwards ? lanes : lanes.toReversed()) {
      const before = await edge.ask('runs', undefined);
      await measure(stage, entrant, { ...LOAD.paced, seconds });
      const after = await edge.ask('runs', undefined);
      measured.push((after.ns - before.ns) / (after.runs - before.runs));
    }
    found.push(isForwards ? measured : measured.reverse());
  }
  await lanes[0]?.edge.ask('keepTime', false);
  return found;
}
