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
/** Where each version tells the CPU time of a group, and in which unit. */
const USAGE = {
  1: { file: 'cpuacct.usage', pattern: /^(\d+)$/m, us: 1e-3 },
  2: { file: 'cpu.stat', pattern: /^usage_usec (\d+)$/m, us: 1 },
} as const;

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
  const places = membership.split('\n').flatMap((line): CgroupPlace[] => {
    const [, controllers, path = ''] = /^\d+:([^:]*):(.+)$/.exec(line) ?? [];
    const version =
      controllers === '' ? 2 : controllers?.split(',').includes('cpuacct') === true ? 1 : undefined;
    if (version === undefined) return [];
    const roots = version === 1 ? [controllers ?? '', 'cpuacct'] : ['', 'unified'];
    return roots.map((name) => ({ version, folder: join(ROOT, name, path), root: join(ROOT, name) }));
  });
  return places.sort((a, b) => a.version - b.version);
}

/** µs, or `NaN` if the text does not say. */
export function parseUsage(version: 1 | 2, text: string): number {
  const { pattern, us } = USAGE[version];
  return Number(pattern.exec(text)?.[1] ?? NaN) * us;
}

/** One group of processes. */
export class Cgroup {
  /** What a process writes its id to in order to join. */
  readonly procs: string;
  readonly #place: CgroupPlace;
  readonly #path: string;

  private constructor(place: CgroupPlace, path: string) {
    this.#place = place;
    this.#path = path;
    this.procs = join(path, 'cgroup.procs');
  }

  /** @returns `undefined` where no group can be made. */
  static create(name: string): Cgroup | undefined {
    for (const place of parsePlaces(readFileSync('/proc/self/cgroup', 'utf8'))) {
      if (!existsSync(place.folder)) continue;
      for (const left of readdirSync(place.folder).filter(isLeftOver)) removeFolder(join(place.folder, left));
      const path = join(place.folder, name);
      try {
        mkdirSync(path);
      } catch {
        continue;
      }
      const cgroup = new Cgroup(place, path);
      if (!Number.isNaN(cgroup.readUs())) return cgroup;
      cgroup.remove();
    }
    return undefined;
  }

  /** CPU time of all that ever was in the group of this folder, µs; `NaN` if it does not tell. */
  readUs(folder = this.#path): number {
    const { version } = this.#place;
    const file = join(folder, USAGE[version].file);
    return existsSync(file) ? parseUsage(version, readFileSync(file, 'utf8')) : NaN;
  }

  /** The same of all processes of the machine. */
  readMachineUs(): number {
    return this.readUs(this.#place.root);
  }

  /** Those in it now; none once it is gone. */
  pids(): number[] {
    if (!existsSync(this.procs)) return [];
    return readFileSync(this.procs, 'utf8').split('\n').filter(Boolean).map(Number);
  }

  /** Removes the group; its processes must have ended. @returns whether it is gone. */
  remove(): boolean {
    return removeFolder(this.#path);
  }
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
