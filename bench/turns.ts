/** The order of measurements: many short rounds, in which everything that is compared has its turn. */

/** Tells whoever waits what is being done. */
export function say(text: string): void {
  process.stderr.write(`${text} ...\n`);
}

/** Measures each of `items`, one after the other. */
export async function oneByOne<I, M>(items: readonly I[], measure: (item: I) => Promise<M>): Promise<M[]> {
  const measured: M[] = [];
  for (const item of items) measured.push(await measure(item));
  return measured;
}

/** Plays rounds 1 to `count`, one after the other, and says so. */
export async function playRounds<R>(
  count: number,
  what: string,
  play: (round: number) => Promise<R>,
): Promise<R[]> {
  const rounds = Array.from({ length: count }, (_, index) => index + 1);
  return await oneByOne(rounds, (round) => {
    say(`${what} ${round} of ${count}`);
    return play(round);
  });
}

/**
 * As `oneByOne`, but backwards in every second round, so that none is always the one behind the same other.
 *
 * @returns in the order of `items`
 */
export async function inTurn<I, M>(
  items: readonly I[],
  round: number,
  measure: (item: I) => Promise<M>,
): Promise<M[]> {
  if (round % 2 === 1) return await oneByOne(items, measure);
  return (await oneByOne(items.toReversed(), measure)).reverse();
}
