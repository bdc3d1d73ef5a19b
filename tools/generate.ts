/** `npm run generate`: writes the files that are made from code. `test/repo.test.ts` fails when they are out of step. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readCommandLine, runProgram } from '../core/runtime/command-line.ts';
import { formatConfiguration } from './configuration.ts';

const root = join(import.meta.dirname, '..');

async function main(): Promise<void> {
  const usage = (): string => 'npm run generate: writes docs/configuration.md from the schemas in the code\n';
  if (readCommandLine({ usage, options: {}, allowPositionals: false }) === undefined) return;
  await writeFile(join(root, 'docs', 'configuration.md'), formatConfiguration());
}

await runProgram({ prefix: 'APPLIANCE' }, main);
