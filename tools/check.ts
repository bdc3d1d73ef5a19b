/** `npm run check`: types, lint, circles of imports and format at once; prints what failed and exits 1 if anything did. */
import { spawn } from 'node:child_process';
import { readCommandLine, runProgram } from '../core/runtime/command-line.ts';

const CHECKS = [
  ['tsc', '--noEmit'],
  ['eslint', '.', '--max-warnings=0', '--cache', '--cache-location', '.cache/eslint/'],
  ['oxlint'],
  ['prettier', '--check', '--log-level=warn', '--cache', '--cache-location=.cache/prettier', '.'],
] as const;

function run([command, ...args]: readonly [string, ...string[]]): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const collect = (chunk: Buffer): void => {
      output += chunk.toString();
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.on('error', (error) => (output += error.message));
    child.on('close', (code) => {
      process.stdout.write(`${code === 0 ? 'ok    ' : 'FAILED'} ${command}\n${code === 0 ? '' : output}`);
      resolve(code === 0);
    });
  });
}

async function main(): Promise<void> {
  const usage = (): string => 'npm run check: types, lint and format; exits 1 when anything is wrong\n';
  if (readCommandLine({ usage, options: {}, allowPositionals: false }) === undefined) return;
  const results = await Promise.all(CHECKS.map(run));
  process.exitCode = results.every(Boolean) ? 0 : 1;
}

await runProgram({ prefix: 'APPLIANCE' }, main);
