/**
 * A number that the sink writes and the generator reads, in memory that both map: so the generator can keep a fixed number of
 * datagrams on the way without anything being sent back.
 */
import { closeSync, ftruncateSync, openSync } from 'node:fs';
import type { PeerLibc } from './libc.ts';

const PAGE_SIZE = 4096;

/** A whole number, of 32 bits. */
export interface SharedCounter {
  read: () => number;
  write: (value: number) => void;
}

/** @param path - of a file that both open, made if it is not there */
export function openSharedCounter(libc: PeerLibc, path: string): SharedCounter {
  const file = openSync(path, 'a+');
  ftruncateSync(file, PAGE_SIZE);
  const cells = new Int32Array(libc.share(file, PAGE_SIZE));
  closeSync(file);
  return {
    read: () => Atomics.load(cells, 0),
    write: (value) => {
      Atomics.store(cells, 0, value);
    },
  };
}
