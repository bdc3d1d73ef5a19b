/**
 * `npm run fuzz`: a million inputs at every port of an appliance. Prints one JSON line; exits 1 when something is
 * wrong with it.
 *
 *   npm run fuzz -- [--count 1000000] [--seed 1]
 */
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { runFuzz } from './run.ts';

const COUNT = '1000000';
const SEEDS = 2 ** 31;

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: COUNT },
    seed: { type: 'string', default: String(randomInt(SEEDS)) },
  },
});
const [count, seed] = [Number(values.count), Number(values.seed)];
if (!Number.isInteger(count) || count < 1 || !Number.isInteger(seed)) {
  process.stderr.write('--count and --seed are whole numbers\n');
  process.exit(2);
}
process.stderr.write(`fuzz: ${count} inputs, seed ${seed}\n`);
const report = await runFuzz({
  count,
  seed,
  onProgress: (inputs) => process.stderr.write(`fuzz: ${inputs} inputs\n`),
});
process.stdout.write(`${JSON.stringify(report)}\n`);
process.exitCode = report.problems.length === 0 ? 0 : 1;
