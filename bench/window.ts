/** One measurement's time, on the machine's monotonic clock, ns. */
import { nowNs } from './child.ts';

const NS_PER_MS = 1e6;

/** Sending from start to end; datagrams sent from `fromNs` on are measured. */
export type Window = Record<'startNs' | 'fromNs' | 'endNs', number>;

/** @param leadMs - from now to the first datagram: time for the processes to be ready */
export function openWindow(
  leadMs: number,
  { warmMs, measuredMs }: { warmMs: number; measuredMs: number },
): Window {
  const startNs = nowNs() + leadMs * NS_PER_MS;
  const fromNs = startNs + warmMs * NS_PER_MS;
  return { startNs, fromNs, endNs: fromNs + measuredMs * NS_PER_MS };
}
