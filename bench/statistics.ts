/** The bench's arithmetic: percentiles of many samples, and the middle and the spread of a few rounds. */

/** What several rounds gave: the middle one, and the two extremes. */
export interface Spread {
  median: number;
  min: number;
  max: number;
}

/**
 * The smallest sample that at least `percent` of all samples do not exceed (nearest rank).
 *
 * @param sorted - ascending
 * @param percent - above 0, at most 100
 * @returns `NaN` when there are no samples.
 */
export function percentile(sorted: ArrayLike<number>, percent: number): number {
  const rank = Math.ceil((percent / 100) * sorted.length);
  return sorted[Math.max(rank, 1) - 1] ?? NaN;
}

/** The middle of `values`, or the mean of the two in the middle. `NaN` when there are none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? NaN;
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? NaN;
  return (lower + upper) / 2;
}

/** Middle and extremes of `values`; `NaN` three times when there are none. */
export function spreadOf(values: readonly number[]): Spread {
  if (values.length === 0) return { median: NaN, min: NaN, max: NaN };
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}

/**
 * Compares two things round by round, so that what the machine did to a whole round cancels out: the spread of
 * `of(round)` over the rounds that have it.
 *
 * @param of - a ratio or a difference of two figures of one round; `undefined` where either is missing
 */
export function spreadOfRounds<R>(rounds: readonly R[], of: (round: R) => number | undefined): Spread {
  return spreadOf(
    rounds.map(of).filter((value) => value !== undefined && Number.isFinite(value)) as number[],
  );
}

/** What is taken of each round, and how a table shows it. */
export interface Figure<R> {
  head: string;
  of: (round: R) => number | undefined;
  digits: number;
  unit: number;
}

/** By name. */
export type Figures<R, K extends string> = Readonly<Record<K, Figure<R>>>;

/** @param digits - behind the point. @param unit - the table's, in that of the figure */
export function figure<R>(head: string, digits: number, of: Figure<R>['of'], unit = 1): Figure<R> {
  return { head, digits, of, unit };
}

/** `spreadOfRounds` of each figure. */
export function spreadsOf<R, K extends string>(
  rounds: readonly R[],
  figures: Figures<R, K>,
): Record<K, Spread> {
  const names = Object.keys(figures) as K[];
  const entries = names.map((name) => [name, spreadOfRounds(rounds, figures[name].of)]);
  return Object.fromEntries(entries) as Record<K, Spread>;
}
