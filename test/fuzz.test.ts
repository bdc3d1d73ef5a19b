/** A short fuzz of every port, with a new seed each time; `npm run fuzz` is the long one. */
import { randomInt } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { runFuzz } from './fuzz/run.ts';

const COUNT = 20_000;
const SEEDS = 2 ** 31;

describe('an appliance under fuzz', () => {
  const seed = randomInt(SEEDS);

  it(`lives through ${COUNT} inputs, seed ${seed}: answers strangers no more than they say, does not grow`, async () => {
    const report = await runFuzz({ count: COUNT, seed });
    console.info(JSON.stringify(report));
    expect(report.problems).toEqual([]);
    expect(report.inputs).toBeGreaterThanOrEqual(COUNT);
  });
});
