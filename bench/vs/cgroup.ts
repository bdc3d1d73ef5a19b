/**
 * CPU time by control group: what all processes of a group have used, workers and softirq work done in their name included,
 * to the nanosecond (version 1, `cpuacct`) or microsecond (version 2).
 *
 * Source: cgroups(7), the kernel's Documentation/admin-guide/cgroup-v1/cpuacct.rst and cgroup-v2.rst.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { isLeftOver } from './leftovers.ts';

const ROOT = '/sys/fs/cgroup';
const US_PER_NS = 1e-3;

/** Where this process's group is, and how its CPU time is told. */
export interface CgroupPlace {
  version: 1 | 2;
  /** Of the file system. */
  folder: string;
  /** That of all processes of the machine. */
  root: string;
}

/**
 * Finds the group whose CPU time can be read.
 *
 * @param membership - as in /proc/self/cgroup
 * @returns places to try, the better one first.
 */
export function parsePlaces(membership: string): CgroupPlace[] {
  const places: CgroupPlace[] = [];
  for (const line of membership.trim().split('\n')) {
    const [, controllers = '', path = ''] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers.split(',').includes('cpuacct')) {
      const roots = [join(ROOT, controllers), join(ROOT, 'cpuacct')];
      places.unshift(...roots.map((root) => ({ version: 1 as const, folder: join(root, path), root })));
    } else if (controllers === '' && path !== '') {
      const roots = [ROOT, join(ROOT, 'unified')];
      places.push(...roots.map((root) => ({ version: 2 as const, folder: join(root, path), root })));
    }
  }
  return places;
}

/** µs, or `undefined` if the text does not say. */
export function parseUsage(version: 1 | 2, text: string): number | undefined {
  const digits = version === 1 ? /^(\d+)$/m.exec(text)?.[1] : /^usage_usec (\d+)$/m.exec(text)?.[1];
  if (digits === undefined) return undefined;
  return version === 1 ? Number(digits) * US_PER_NS : Number(digits);
}

/** One group of processes. */
export interface Cgroup {
  /** What a process writes its id to in order to join. */
  readonly procs: string;
  /** CPU time of all that ever was in it, µs. */
  readUs: () => number;
  /** CPU time of all processes of the machine, µs; `NaN` if it does not tell. */
  readMachineUs: () => number;
  /** Those in it now. */
  pids: () => number[];
  /** Removes the group; its processes must have ended. @returns whether it is gone. */
  remove: () => boolean;
}

/** @returns `undefined` where no group can be made. */
export function createCgroup(name: string): Cgroup | undefined {
  for (const place of parsePlaces(readFileSync('/proc/self/cgroup', 'utf8'))) {
    if (!existsSync(place.folder)) continue;
    for (const left of readdirSync(place.folder).filter(isLeftOver)) removeFolder(join(place.folder, left));
    const path = join(place.folder, name);
    try {
      mkdirSync(path);
    } catch {
      continue;
    }
    if (!Number.isNaN(readUsage(place.version, path))) return openCgroup(place, path);
    rmdirSync(path);
  }
  return undefined;
}

function openCgroup({ version, root }: CgroupPlace, path: string): Cgroup {
  const procs = join(path, 'cgroup.procs');
  return {
    procs,
    readUs: () => readUsage(version, path),
    readMachineUs: () => readUsage(version, root),
    pids: () => readFileSync(procs, 'utf8').split('\n').filter(Boolean).map(Number),
    remove: () => removeFolder(path),
  };
}

/** CPU time of the group in this folder, µs; `NaN` if it does not tell. */
function readUsage(version: 1 | 2, folder: string): number {
  const file = join(folder, version === 1 ? 'cpuacct.usage' : 'cpu.stat');
  return existsSync(file) ? (parseUsage(version, readFileSync(file, 'utf8')) ?? NaN) : NaN;
}

/** @returns whether it is gone; it stays as long as processes are in it. */
function removeFolder(path: string): boolean {
  try {
    rmdirSync(path);
    return true;
  } catch {
    return !existsSync(path);
  }
}
