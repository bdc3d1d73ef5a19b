/** The highest rate that a candidate carries without loss, found by halving the interval, all candidates in turn. */
import { LOSS_PERCENT_MAX, P99_MS_MAX } from '../capacity.ts';
import { measure, type Entrant, type Load, type Measurement } from './measure.ts';
import type { Stage } from './stage.ts';
import type { RatesMax, Search } from './summary.ts';

/** One load. A quarter of a second of overload by a tenth is enough to show. */
const SECONDS = 0.3;
/** A hiccup of the machine is no limit of the candidate: the first good try counts. */
const TRIES = 2;

/** What is searched for: between which rates (on a scale of ratios), with what bursts. */
const KINDS: Readonly<
  Record<keyof RatesMax, { min: number; max: number; load: Omit<Load, 'load' | 'seconds'> }>
> = {
  single: { min: 20_000, max: 400_000, load: { burst: 20 } },
  segmented: { min: 20_000, max: 4_000_000, load: { burst: 40, isSegmented: true } },
};

/** Whether the candidate carried what was sent. A rate that the generator did not reach was not carried. */
export function isCarried({ lossPercent, p99Us, isReached }: Measurement): boolean {
  return isReached && lossPercent <= LOSS_PERCENT_MAX && p99Us < P99_MS_MAX * 1000;
}

/** @param steps - halvings; six leave an uncertainty of 5 % for single datagrams, of 9 % for segmented ones */
export async function search(stage: Stage, entrants: readonly Entrant[], steps: number): Promise<Search> {
  const single = await searchKind(stage, entrants, { kind: 'single', steps });
  const segmented = await searchKind(stage, entrants, { kind: 'segmented', steps });
  return Object.fromEntries(
    entrants.map(({ candidate: { name } }) => [
      name,
      { single: single.get(name) ?? NaN, segmented: segmented.get(name) ?? NaN },
    ]),
  );
}

/** @returns by name; the lowest rate when even that was lossy. */
async function searchKind(
  stage: Stage,
  entrants: readonly Entrant[],
  { kind, steps }: { kind: keyof RatesMax; steps: number },
): Promise<Map<string, number>> {
  const { min, max, load } = KINDS[kind];
  const low = new Map(entrants.map(({ candidate }) => [candidate.name, min]));
  const high = new Map(entrants.map(({ candidate }) => [candidate.name, max]));
  for (let step = 0; step < steps; step += 1) {
    for (const entrant of entrants) {
      const { name } = entrant.candidate;
      const rate = Math.round(Math.sqrt((low.get(name) ?? min) * (high.get(name) ?? max)));
      const isGood = await tryRate(stage, entrant, { ...load, seconds: SECONDS, load: { rate } });
      (isGood ? low : high).set(name, rate);
    }
  }
  return low;
}

async function tryRate(stage: Stage, entrant: Entrant, load: Load): Promise<boolean> {
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    if (isCarried(await measure(stage, entrant, load))) return true;
  }
  return false;
}
