/** `npm run kube-lab`: builds the Kubernetes that tests run against, unless it is there already. */
import { readCommandLine, runProgram } from '../../core/runtime/command-line.ts';
import { buildKubelab } from './binary.ts';

const usage = (): string => `npm run kube-lab

Builds the Kubernetes that some tests run against, unless it is there already, and says where it is. Needs Go; takes
about ten minutes.
`;

function main(): void {
  if (readCommandLine({ usage, options: {}, allowPositionals: false }) === undefined) return;
  const path = buildKubelab() ?? 'Go is not installed: tests that need Kubernetes will be skipped';
  process.stdout.write(`${path}\n`);
}

await runProgram({ prefix: 'APPLIANCE' }, main);
