/** `npm run check`: types, lint, circles of imports and format at once; prints what failed and exits 1 if anything did. */
import { spawn } from 'node:child_process';

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

const results = await Promise.all(CHECKS.map(run));
process.exitCode = results.every(Boolean) ? 0 : 1;
