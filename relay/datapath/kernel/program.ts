/**
 * The kernel program at work: loaded, with its two maps, attached to devices. Gone when closed, or with the process,
 * unless it is pinned: then the next process takes it up as it is.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { GleipnirError } from '../../../core/runtime/errors.ts';
import { Bpf, type BpfMap, type MapShape } from './bpf.ts';
import { readBpfObject } from './elf.ts';
import { ENTRY, KEY4, KEY6 } from './layout.ts';
import type { Libc } from './libc.ts';
import type { Device } from './network.ts';
import { Pins } from './pins.ts';

const OBJECT = join(import.meta.dirname, 'program.bpf.o');
/** Letters of the digest that names a version. */
const VERSION_SIZE = 16;

export interface KernelProgramOptions {
  /** Names of the devices that hosts' datagrams come in by; empty: every Ethernet device that is up. */
  devices: readonly string[];
  /** Of each address family. */
  entriesMax: number;
  /** Below a bpffs; empty: nothing outlives the process. */
  pinFolder: string;
}

export type AttachFailure = (error: unknown, ifindex: number) => void;

export class KernelProgram {
  readonly bpf: Bpf;
  readonly routes4: BpfMap;
  readonly routes6: BpfMap;
  /** Whether the maps are those of an earlier process, with its entries. */
  readonly isInherited: boolean;
  readonly #devices: readonly string[];
  readonly #pins: Pins | undefined;
  readonly #program: number;
  /** What `close` gives up, links aside. */
  readonly #descriptors: number[] = [];
  /** By ifindex; at most one for each device. */
  readonly #links = new Map<number, number>();

  /** @throws GleipnirError KERNEL_PATH_UNAVAILABLE, leaving nothing behind but what was pinned before */
  constructor(libc: Libc, { devices, entriesMax, pinFolder }: KernelProgramOptions) {
    const bytes = readFileSync(OBJECT);
    this.bpf = new Bpf(libc);
    this.#devices = devices;
    this.#pins = pinFolder === '' ? undefined : new Pins(pinFolder, versionOf(bytes, entriesMax));
    this.isInherited = this.#pins?.isComplete ?? false;
    if (!this.isInherited) this.#pins?.clear();
    try {
      this.routes4 = this.#openMap('routes4', {
        keySize: KEY4.size,
        valueSize: ENTRY.size,
        maxEntries: entriesMax,
      });
      this.routes6 = this.#openMap('routes6', {
        keySize: KEY6.size,
        valueSize: ENTRY.size,
        maxEntries: entriesMax,
      });
      this.#program = this.#openProgram(bytes);
      for (const ifindex of this.#pins?.listLinks() ?? []) this.#takeUpLink(ifindex);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /**
   * Attaches to those devices of the machine's that it should, and lets go of those that are gone. Idempotent.
   *
   * @param onFailure - told of a device with which that failed; it may be gone again
   * @returns the names of those it is attached to
   */
  attach(present: readonly Device[], onFailure: AttachFailure): string[] {
    const wanted = present.filter(({ name, isEthernet }) =>
      this.#devices.length === 0 ? isEthernet : this.#devices.includes(name),
    );
    const ifindexes = new Set(wanted.map(({ ifindex }) => ifindex));
    const attempt = (ifindex: number, work: (ifindex: number) => void): void => {
      try {
        work(ifindex);
      } catch (error) {
        onFailure(error, ifindex);
      }
    };
    for (const ifindex of [...this.#links.keys()]) {
      if (!ifindexes.has(ifindex))
        attempt(ifindex, (gone) => {
          this.#detach(gone);
        });
    }
    for (const ifindex of ifindexes) {
      if (!this.#links.has(ifindex))
        attempt(ifindex, (fresh) => {
          this.#attach(fresh);
        });
    }
    return wanted.filter(({ ifindex }) => this.#links.has(ifindex)).map(({ name }) => name);
  }

  /** Ends what other versions of the program still forward. @throws GleipnirError KERNEL_PATH_UNAVAILABLE */
  removeOthers(): void {
    this.#pins?.removeOthers();
  }

  /** Gives everything up; what is pinned works on. Idempotent. */
  close(): void {
    for (const link of this.#links.values()) this.bpf.close(link);
    this.#links.clear();
    for (const descriptor of this.#descriptors.splice(0)) this.bpf.close(descriptor);
  }

  #openMap(name: 'routes4' | 'routes6', shape: MapShape): BpfMap {
    const path = this.#pins?.path(name);
    const isThere = this.isInherited && path !== undefined;
    const map = isThere ? { ...shape, descriptor: this.bpf.open(path) } : this.bpf.createMap(shape);
    this.#descriptors.push(map.descriptor);
    if (!isThere && path !== undefined) this.bpf.pin(map.descriptor, path);
    return map;
  }

  #openProgram(bytes: Uint8Array): number {
    const path = this.#pins?.path('program');
    const isThere = this.isInherited && path !== undefined;
    const program = isThere ? this.bpf.open(path) : this.#load(bytes);
    this.#descriptors.push(program);
    if (!isThere && path !== undefined) this.bpf.pin(program, path);
    return program;
  }

  #load(bytes: Uint8Array): number {
    const object = readBpfObject(bytes);
    if (object === undefined) {
      const message = 'The kernel program cannot be read';
      throw new GleipnirError('KERNEL_PATH_UNAVAILABLE', message, { path: OBJECT });
    }
    return this.bpf.loadProgram(object, { routes4: this.routes4, routes6: this.routes6 });
  }

  /** A link whose device is gone, or is another one by now, is of no use. */
  #takeUpLink(ifindex: number): void {
    const link = this.bpf.open(this.#pins?.pathOfLink(ifindex) ?? '');
    this.#links.set(ifindex, link);
    if (this.bpf.readLinkDevice(link) !== ifindex) this.#detach(ifindex);
  }

  #attach(ifindex: number): void {
    const link = this.bpf.attach(this.#program, ifindex);
    this.#links.set(ifindex, link);
    try {
      if (this.#pins !== undefined) this.bpf.pin(link, this.#pins.pathOfLink(ifindex));
    } catch (error) {
      this.#detach(ifindex);
      throw error;
    }
  }

  #detach(ifindex: number): void {
    const link = this.#links.get(ifindex);
    this.#links.delete(ifindex);
    if (link !== undefined) this.bpf.close(link);
    this.#pins?.removeLink(ifindex);
  }
}

/** What must be alike for entries to be taken up: the program, and the size of its maps. */
function versionOf(object: Uint8Array, entriesMax: number): string {
  return createHash('sha256').update(object).update(` ${entriesMax}`).digest('hex').slice(0, VERSION_SIZE);
}
