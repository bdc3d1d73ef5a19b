/** What a run of the side-by-side bench is to do, from the command line. */

/** What --vs takes. Plain kernel forwarding always runs: everything is compared to it. */
export const ALTERNATIVE_NAMES: readonly string[] = [
  'kernel-forwarding',
  'nftables',
  'nginx',
  'coturn',
  'node-dgram',
];

/** How long it takes is about rounds x candidates x 2 x seconds, and 7 s for each candidate and search. */
export interface ComparisonPlan {
  /** Of `ALTERNATIVE_NAMES`; `undefined`: all that are installed. */
  alternatives: readonly string[] | undefined;
  rounds: number;
  /** Of one load. */
  seconds: number;
  searches: number;
  /** Halvings of each search. */
  steps: number;
  /** Whether files are written. */
  isKept: boolean;
}

/** A full run: 8 minutes. */
export const COMPARISON = { rounds: 40, seconds: 0.3, searches: 2, steps: 6, isKept: true } as const;
const QUICK = { rounds: 3, seconds: 0.3, searches: 1, steps: 2, isKept: false } as const;

/** The command line, as it was given. */
export interface ComparisonArguments {
  /** Lists of names, separated by commas. */
  names: readonly string[];
  quick: boolean;
  rounds?: string | undefined;
  seconds?: string | undefined;
}

/** @returns `undefined` for a command line that says nothing sensible. */
export function planComparison(given: ComparisonArguments): ComparisonPlan | undefined {
  const plan = given.quick ? QUICK : COMPARISON;
  const alternatives = given.names.flatMap((names) => names.split(','));
  const rounds = Number(given.rounds ?? plan.rounds);
  const seconds = Number(given.seconds ?? plan.seconds);
  const isSensible =
    alternatives.every((name) => ALTERNATIVE_NAMES.includes(name)) &&
    Number.isInteger(rounds) &&
    rounds >= 1 &&
    seconds >= 0.1 &&
    seconds <= 60;
  if (!isSensible) return undefined;
  return { ...plan, rounds, seconds, alternatives: alternatives.length === 0 ? undefined : alternatives };
}
