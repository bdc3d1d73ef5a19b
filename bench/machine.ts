/** What the bench runs on, and what of it is in use. */
import { cpus, release, totalmem, type } from 'node:os';

/** Where the figures come from. */
export type Machine = Record<'cpu' | 'kernel' | 'node', string> & Record<'cores' | 'memoryGiB', number>;

export function describeMachine(): Machine {
  const cores = cpus();
  return {
    cpu: cores[0]?.model ?? 'unknown',
    cores: cores.length,
    memoryGiB: Math.round(totalmem() / 1024 ** 3),
    kernel: `${type()} ${release()}`,
    node: process.versions.node,
  };
}

/** In a line. */
export function formatMachine({ cores, cpu, memoryGiB, kernel, node }: Machine): string {
  return `${cores} cores of ${cpu}, ${memoryGiB} GiB, ${kernel}, Node ${node}`;
}

/** CPU time of the whole machine so far; exact to a clock tick (10 ms) per core. */
export function readMachine(): { busyUs: number; allUs: number } {
  const cores = cpus();
  const sum = (times: readonly number[]): number => times.reduce((total, ms) => total + ms * 1000, 0);
  const idleUs = sum(cores.map(({ times }) => times.idle));
  const busyUs = sum(cores.flatMap(({ times }) => [times.user, times.nice, times.sys, times.irq]));
  return { busyUs, allUs: busyUs + idleUs };
}
