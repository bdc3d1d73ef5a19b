/** Why the cluster cannot run on this machine. */
import { spawnSync } from 'node:child_process';
import { whyNoKubelab } from '../kube-lab/binary.ts';

/** What is missing and how to get it, as a sentence's part; `undefined` where nothing is. */
export function whyNoCluster(): string | undefined {
  if (process.platform !== 'linux')
    return 'it needs Linux, where every part can have a loopback address of its own';
  if (spawnSync('redis-server', ['--version']).status !== 0) {
    return 'redis-server is not installed: apt-get install redis-server';
  }
  return whyNoKubelab();
}
