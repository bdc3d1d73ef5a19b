/**
 * Calls of the C library that move many datagrams at once, which Node does not have. All addresses of memory are of
 * `allocate`, which never moves.
 *
 * Source: udp(7), sendmmsg(2), recvmmsg(2), clock_nanosleep(2); numbers from the kernel's include/uapi.
 */
import { closeSync, ftruncateSync, openSync } from 'node:fs';
import { allocate } from '../../relay/datapath/kernel/libc.ts';
import { shareFile, testLibc } from '../../test/support/kernel-libc.ts';

const CLOCK_MONOTONIC = 1;
const TIMER_ABSTIME = 1;
const SET_TIMER_SLACK = 29;
const NS_PER_S = 1_000_000_000;
const PAGE_SIZE = 4096;
/** Waits until there is one datagram, then takes what is there. */
const WAIT_FOR_ONE = 0x1_0000;

/** Socket options: name, level and number. */
export const OPTION = {
  receiveTimeout: ['SO_RCVTIMEO', 1, 20],
  receiveBufferForced: ['SO_RCVBUFFORCE', 1, 33],
  sendSegmentBytes: ['UDP_SEGMENT', 17, 103],
  receiveSegmentsTogether: ['UDP_GRO', 17, 104],
} as const;

const libc = testLibc();
const instant = allocate(16);
const instantView = new DataView(instant.buffer);
// This process's sleeps are to be exact.
libc.prctl(SET_TIMER_SLACK, 1);

/** @returns how many were sent; 0 when none could be. */
export function sendMany(descriptor: number, headers: Uint8Array, count: number): number {
  return Math.max(libc.sendmmsg(descriptor, headers, count, 0), 0);
}

/** @returns how many came; 0 when none did in time. */
export function receiveMany(descriptor: number, headers: Uint8Array, count: number): number {
  return Math.max(libc.recvmmsg(descriptor, headers, count, WAIT_FOR_ONE, null), 0);
}

/** Until this instant of the machine's monotonic clock, ns; exact to a few µs. Blocks: keep it below 100 ms. */
export function sleepUntil(instantNs: number): void {
  instantView.setBigInt64(0, BigInt(Math.floor(instantNs / NS_PER_S)), true);
  instantView.setBigInt64(8, BigInt(Math.floor(instantNs % NS_PER_S)), true);
  libc.clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, instant, null);
}

/**
 * A number that the sink writes and the generator reads, in memory that both map: so the generator can keep a fixed
 * number of datagrams on the way without anything being sent back.
 *
 * @param path - of a file that both open, made if it is not there
 * @returns a cell for a whole number of 32 bits.
 */
export function openSharedCounter(path: string): Int32Array<ArrayBuffer> {
  const file = openSync(path, 'a+');
  ftruncateSync(file, PAGE_SIZE);
  const cells = new Int32Array(shareFile(file, PAGE_SIZE));
  closeSync(file);
  return cells;
}
