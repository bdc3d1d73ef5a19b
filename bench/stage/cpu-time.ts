/**
 * CPU time of the kernel's softirq threads, and by control group: what all processes of a group have used, workers and softirq work done in their name included,
 * to the nanosecond (version 1, `cpuacct`) or microsecond (version 2).
 *
 * Forwarding that is not done in a sender's name is done by softirq threads, and belongs to no group of ours.
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
  const places = [...membership.matchAll(/^\d+:([^:\n]*):(.+)$/gm)].flatMap(
    ([, controllers = '', path = '']) => {
      const isOld = controllers.split(',').includes('cpuacct');
      if (!isOld && controllers !== '') return [];
      const roots = (isOld ? [controllers, 'cpuacct'] : ['', 'unified']).map((name) => join(ROOT, name));
      return roots.map((root): CgroupPlace => ({ version: isOld ? 1 : 2, folder: join(root, path), root }));
    },
  );
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

  private constructor(place: CgroupPlace, name: string) {
    this.#place = place;
    this.#path = join(place.folder, name);
    this.procs = join(this.#path, 'cgroup.procs');
  }

  /** @returns `undefined` where no group can be made. */
  static create(name: string): Cgroup | undefined {
    for (const place of parsePlaces(readFileSync('/proc/self/cgroup', 'utf8'))) {
      if (!existsSync(place.folder)) continue;
      for (const left of readdirSync(place.folder).filter(isLeftOver)) new Cgroup(place, left).remove();
      const cgroup = new Cgroup(place, name);
      try {
        mkdirSync(cgroup.#path);
      } catch {
        continue;
      }
      if (!Number.isNaN(cgroup.readUs())) return cgroup;
      cgroup.remove();
    }
    return undefined;
  }

  /** CPU time of all that ever was in the group of this folder, µs; `NaN` if it does not tell. */
  readUs(folder = this.#path): number {
    const { version } = this.#place;
    return parseUsage(version, readOrEmpty(join(folder, USAGE[version].file)));
  }

  readMachineUs(): number {
    return this.readUs(this.#place.root);
  }

  /** Those in it now; none once it is gone. */
  pids(): number[] {
    return readOrEmpty(this.procs).split('\n').filter(Boolean).map(Number);
  }

  /** Its processes must have ended. @returns whether it is gone. */
  remove(): boolean {
    try {
      rmdirSync(this.#path);
    } catch {
      return !existsSync(this.#path);
    }
    return true;
  }
}

/** CPU time of one thread, µs, as in /proc/<pid>/schedstat; 0 if it does not say. */
export function parseSchedstat(text: string): number {
  return Number(/^(\d+) \d+ \d+$/m.exec(text)?.[1] ?? 0) * 1e-3;
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
