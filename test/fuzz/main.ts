/**
 * `npm run fuzz`: a million inputs at every port of an appliance. Prints one JSON line; exits 1 when something is
 * wrong with it.
 */
import { randomInt } from 'node:crypto';
import { readCommandLine, runProgram } from '../../core/runtime/command-line.ts';

const COUNT = '1000000';
const SEEDS = 2 ** 31;
const USAGE = `npm run fuzz -- [--count ${COUNT}] [--seed 1]

Sends so many inputs at every port of an appliance and prints one JSON line; exits 1 when something is wrong with it.
`;

async function main(): Promise<void> {
  const options = {
    count: { type: 'string', default: COUNT },
    seed: { type: 'string', default: String(randomInt(SEEDS)) },
  } as const;
  const line = readCommandLine({ usage: () => USAGE, options, allowPositionals: false });
  if (line === undefined) return;
  const [count, seed] = [Number(line.values.count), Number(line.values.seed)];
  if (!Number.isInteger(count) || count < 1 || !Number.isInteger(seed)) {
    process.stderr.write('--count and --seed are whole numbers\n');
    process.exitCode = 2;
    return;
  }
  process.stderr.write(`fuzz: ${count} inputs, seed ${seed}\n`);
  const { runFuzz } = await import('./run.ts');
  const report = await runFuzz({
    count,
    seed,
    onProgress: (inputs) => process.stderr.write(`fuzz: ${inputs} inputs\n`),
  });
  process.stdout.write(`${JSON.stringify(report)}\n`);
  process.exitCode = report.problems.length === 0 ? 0 : 1;
}

await runProgram({ prefix: 'APPLIANCE' }, main);
