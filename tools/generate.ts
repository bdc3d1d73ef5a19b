/** `npm run generate`: writes the files that are made from code. `test/repo.test.ts` fails when they are out of step. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readCommandLine, runProgram } from '../core/runtime/command-line.ts';
import { formatConfiguration } from './configuration.ts';
import { formatCrds } from './crds.ts';
import { formatKubernetesObjects } from './kubernetes-objects.ts';

const root = join(import.meta.dirname, '..');

async function main(): Promise<void> {
  const usage = (): string =>
    'npm run generate: writes docs/configuration.md, docs/kubernetes-objects.md and crds/ from the schemas in the code\n';
  if (readCommandLine({ usage, options: {}, allowPositionals: false }) === undefined) return;
  await writeFile(join(root, 'docs', 'configuration.md'), formatConfiguration());
  await writeFile(join(root, 'docs', 'kubernetes-objects.md'), formatKubernetesObjects());
  await mkdir(join(root, 'crds'), { recursive: true });
  for (const { file, content } of formatCrds()) await writeFile(join(root, 'crds', file), content);
}

await runProgram({ prefix: 'APPLIANCE' }, main);
