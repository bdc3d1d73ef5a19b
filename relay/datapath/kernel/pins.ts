/**
 * The folder of a bpffs in which the maps, the program and its links have names, so that they outlive the process.
 * One folder within it for each version of the program: only what has the same layout is taken up again.
 *
 *   <root>/<version>/routes4, routes6, program, link-<ifindex>
 */
import { mkdirSync, readdirSync, rmdirSync, rmSync, statfsSync, unlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { GleipnirError } from '../../../core/runtime/errors.ts';

/** BPF_FS_MAGIC of the kernel's include/uapi/linux/magic.h. */
const BPF_FS = 0xcafe_4a11;
const LINK = /^link-(\d+)$/;
/** Pinned last: with it the set is whole. */
const PROGRAM = 'program';

export type PinName = 'routes4' | 'routes6' | typeof PROGRAM;

export class Pins {
  readonly #root: string;
  readonly #version: string;

  /**
   * Makes the folder of this version.
   *
   * @param root - a folder that is in a bpffs, or may be made in one
   * @throws GleipnirError KERNEL_PATH_UNAVAILABLE
   */
  constructor(root: string, version: string) {
    this.#root = root;
    this.#version = version;
    attempt(root, () => {
      if (statfsSync(dirname(root)).type !== BPF_FS) {
        throw new GleipnirError('KERNEL_PATH_UNAVAILABLE', 'The pin folder is not in a bpffs', { root });
      }
      mkdirSync(join(root, version), { recursive: true, mode: 0o700 });
    });
  }

  /** Whether an earlier process left a whole set. */
  get isComplete(): boolean {
    return this.#list().includes(PROGRAM);
  }

  path(name: PinName): string {
    return join(this.#root, this.#version, name);
  }

  pathOfLink(ifindex: number): string {
    return join(this.#root, this.#version, `link-${ifindex}`);
  }

  /** ifindexes of the devices that links are pinned for. */
  listLinks(): number[] {
    return this.#list()
      .flatMap((name) => LINK.exec(name)?.[1] ?? [])
      .map(Number);
  }

  /** Gives up one link. Idempotent. */
  removeLink(ifindex: number): void {
    attempt(this.#root, () => {
      rmSync(this.pathOfLink(ifindex), { force: true });
    });
  }

  /** Removes what is left of a set that is not whole. */
  clear(): void {
    attempt(this.#root, () => {
      for (const name of this.#list()) unlinkSync(join(this.#root, this.#version, name));
    });
  }

  /** Removes the sets of other versions. @throws GleipnirError KERNEL_PATH_UNAVAILABLE */
  removeOthers(): void {
    attempt(this.#root, () => {
      const others = readdirSync(this.#root).filter((version) => version !== this.#version);
      for (const version of others) removeVersion(this.#root, version);
    });
  }

  #list(): string[] {
    return readdirSync(join(this.#root, this.#version));
  }
}

/**
 * Removes everything pinned below `root`, and `root`: whatever the kernel still forwarded for an earlier process, it
 * forwards no longer.
 *
 * @returns how many names there were; 0 where there is no such folder
 * @throws GleipnirError KERNEL_PATH_UNAVAILABLE
 */
export function unpin(root: string): number {
  return attempt(root, () => {
    let removed = 0;
    try {
      if (statfsSync(root).type !== BPF_FS) {
        throw new GleipnirError('KERNEL_PATH_UNAVAILABLE', 'The pin folder is not in a bpffs', { root });
      }
      for (const version of readdirSync(root)) removed += removeVersion(root, version);
      rmdirSync(root);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    return removed;
  });
}

/** Links first: what is detached forwards no longer. */
function removeVersion(root: string, version: string): number {
  const folder = join(root, version);
  const names = readdirSync(folder).toSorted((a, b) => Number(LINK.test(b)) - Number(LINK.test(a)));
  for (const name of names) unlinkSync(join(folder, name));
  rmdirSync(folder);
  return names.length;
}

function attempt<T>(root: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (cause instanceof GleipnirError) throw cause;
    const { code = 'unknown' } = cause as NodeJS.ErrnoException;
    const message = 'The pin folder cannot be used';
    throw new GleipnirError('KERNEL_PATH_UNAVAILABLE', message, { root, error: code }, { cause });
  }
}
