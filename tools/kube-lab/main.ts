/** `npm run kube-lab`: builds the Kubernetes that tests run against, unless it is there already. */
import { buildKubelab } from './binary.ts';

process.stdout.write(
  `${buildKubelab() ?? 'Go is not installed: tests that need Kubernetes will be skipped'}\n`,
);
