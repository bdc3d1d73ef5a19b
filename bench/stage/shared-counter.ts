/**
 * A number that the sink writes and the generator reads, in memory that both map: so the generator can keep a fixed number of
 * datagrams on the way without anything being sent back.
 */
import { closeSync, ftruncateSync, openSync } from 'node:fs';
import { shareFile } from '../../test/support/kernel-libc.ts';

const PAGE_SIZE = 4096;

/** @param path - of a file that both open, made if it is not there. @returns a cell for a whole number of 32 bits. */
export function openSharedCounter(path: string): Int32Array<ArrayBuffer> {
  const file = openSync(path, 'a+');
  ftruncateSync(file, PAGE_SIZE);
  const cells = new Int32Array(shareFile(file, PAGE_SIZE));
  closeSync(file);
  return cells;
}
