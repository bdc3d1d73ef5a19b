/** What a process holds once its garbage is gone. */
import { setTimeout as delay } from 'node:timers/promises';

const ROUNDS = 4;
const PAUSE_MS = 150;

/** By process.memoryUsage(). External is what objects of the heap own outside: buffers and sockets. */
export type Memory = Record<'rssBytes' | 'heapUsedBytes' | 'externalBytes', number>;

/** Collects all garbage, several times with pauses, since freed pages go back with a delay. Needs `--expose-gc`. */
export async function collect(): Promise<Memory> {
  for (let round = 0; round < ROUNDS; round += 1) {
    await globalThis.gc?.({ execution: 'async', type: 'major' });
    await delay(PAUSE_MS);
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rssBytes: rss, heapUsedBytes: heapUsed, externalBytes: external };
}
