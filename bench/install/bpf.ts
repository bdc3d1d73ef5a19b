/**
 * What the bench wants of bpf(2) and the relay does not: many entries by one call, and how long programs run.
 *
 * Source: BPF_MAP_UPDATE_BATCH and BPF_ENABLE_STATS in the kernel's include/uapi/linux/bpf.h.
 */
import { readdirSync } from 'node:fs';
import { getSystemErrorName } from 'node:util';
import type { BpfMap } from '../../relay/datapath/kernel/bpf.ts';
import { allocate, type Libc } from '../../relay/datapath/kernel/libc.ts';
import { readOrEmpty } from '../stage/cpu-time.ts';

const SYSCALL: Readonly<Partial<Record<NodeJS.Architecture, number>>> = { x64: 321, arm64: 280 };
const COMMAND = { MAP_UPDATE_BATCH: 26, ENABLE_STATS: 32 } as const;
const BATCH = { size: 56, keys: 16, values: 24, count: 32, map: 36 } as const;
/** Its one field, the kind, is 0: run time. */
const STATS_SIZE = 4;
const DESCRIPTORS = '/proc/self/fdinfo';

/** How often programs ran, and how long in all, ns. */
export type ProgramRuns = Record<'runs' | 'ns', number>;

/**
 * Puts all entries.
 *
 * @param keys - one after the other, of `allocate`; and so `values`
 * @throws Error with the system's name for what is wrong, as `keepTime`
 */
export function updateBatch(libc: Libc, map: BpfMap, keys: Uint8Array, values: Uint8Array): void {
  const bytes = allocate(BATCH.size);
  const attributes = new DataView(bytes.buffer);
  attributes.setBigUint64(BATCH.keys, libc.addressOf(keys), true);
  attributes.setBigUint64(BATCH.values, libc.addressOf(values), true);
  attributes.setUint32(BATCH.count, keys.length / map.keySize, true);
  attributes.setUint32(BATCH.map, map.descriptor, true);
  call(libc, 'MAP_UPDATE_BATCH', bytes);
}

/**
 * From now on the kernel takes the time of every program's runs, on the whole machine; some tens of ns for each.
 *
 * @returns a descriptor: it stops once that is closed, or the process has ended.
 */
export function keepTime(libc: Libc): number {
  return call(libc, 'ENABLE_STATS', allocate(STATS_SIZE));
}

/** Of all programs that this process has open. */
export function readRuns(): ProgramRuns {
  const found = readdirSync(DESCRIPTORS).map((name) => parseRuns(readOrEmpty(`${DESCRIPTORS}/${name}`)));
  const sum = (of: keyof ProgramRuns): number => found.reduce((total, runs) => total + runs[of], 0);
  return { runs: sum('runs'), ns: sum('ns') };
}

/** @param text - as in /proc/<pid>/fdinfo/<descriptor>. @returns zeros if that is no program. */
export function parseRuns(text: string): ProgramRuns {
  return { runs: parseField(text, 'run_cnt') ?? 0, ns: parseField(text, 'run_time_ns') ?? 0 };
}

/** The kernel's memory of a map, bytes; `NaN` if it does not say. */
export function readMemory({ descriptor }: BpfMap): number {
  return parseField(readOrEmpty(`${DESCRIPTORS}/${descriptor}`), 'memlock') ?? NaN;
}

/** @param text - as `parseRuns` */
export function parseField(text: string, name: string): number | undefined {
  const digits = new RegExp(`^${name}:\\s*(\\d+)$`, 'm').exec(text)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

function call(libc: Libc, command: keyof typeof COMMAND, attributes: Uint8Array): number {
  const result = libc.syscall(SYSCALL[process.arch] ?? -1, COMMAND[command], attributes, attributes.length);
  if (result >= 0) return result;
  throw new Error(`The kernel refused ${command}: ${getSystemErrorName(-libc.errno())}`);
}
