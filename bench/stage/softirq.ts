/**
 * CPU time of the kernel's softirq threads. Forwarding that is not done in a sender's name is done there, and belongs to no control
 * group of ours.
 */
import { readdirSync, readFileSync } from 'node:fs';

const US_PER_NS = 1e-3;

/** CPU time of one thread, µs, as in /proc/<pid>/schedstat; 0 if it does not say. */
export function parseSchedstat(text: string): number {
  return Number(/^(\d+) \d+ \d+$/m.exec(text)?.[1] ?? 0) * US_PER_NS;
}

/** Process ids of the softirq threads; none where they are not shown. */
export function findSoftirqThreads(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && readOrEmpty(`/proc/${name}/comm`).startsWith('ksoftirqd/'))
    .map(Number);
}

/** CPU time of these threads together, µs. */
export function readThreadsUs(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + parseSchedstat(readOrEmpty(`/proc/${pid}/schedstat`)), 0);
}

/** Processes end, and descriptors are closed, while their folders are listed. */
export function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
