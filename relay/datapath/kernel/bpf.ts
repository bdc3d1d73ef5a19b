/**
 * bpf(2), as far as the kernel path needs it: maps, one program, its attachment to devices, and names for all of them
 * in a bpffs, under which they outlive the process.
 *
 * Every method that can fail throws GleipnirError KERNEL_PATH_UNAVAILABLE, unless it says otherwise.
 *
 * Source: union bpf_attr, struct bpf_link_info in the kernel's include/uapi/linux/bpf.h.
 */
import { closeSync } from 'node:fs';
import { GleipnirError } from '../../../core/runtime/errors.ts';
import { BpfCall } from './bpf-call.ts';
import type { BpfObject } from './elf.ts';
import { allocate, type Libc } from './libc.ts';

const MAP_TYPE_HASH = 1;
const PROGRAM_TYPE_SCHED_CLS = 3;
const ATTACH_TCX_INGRESS = 46;
const BEFORE = 8;
/** The source register of a `lddw` whose immediate is a map's descriptor. */
const PSEUDO_MAP_FD = 0x10;
const INSTRUCTION_SIZE = 8;
const ENOENT = 2;
/** A signal came while the verifier was at work. */
const EAGAIN = 11;
const LOAD_TRIES = 10;

/** Where each command has its attributes. */
const AT = {
  map: { size: 20, type: 0, keySize: 4, valueSize: 8, maxEntries: 12 },
  element: { size: 32, map: 0, key: 8, value: 16 },
  batch: { size: 56, in: 0, out: 8, keys: 16, values: 24, count: 32, map: 36 },
  program: { size: 72, type: 0, count: 4, instructions: 8, license: 16 },
  link: { size: 32, program: 0, ifindex: 4, attachType: 8, flags: 12 },
  pin: { size: 16, path: 0, object: 8 },
  info: { size: 16, object: 0, length: 4, info: 8 },
} as const;
/** `struct bpf_link_info` as far as a tcx link has it. */
const LINK_INFO = { size: 24, ifindex: 16 } as const;

/** Entries read by one call. A bucket of the hash must fit. */
const BATCH = 1024;

export interface MapShape {
  keySize: number;
  valueSize: number;
  maxEntries: number;
}

/** A hash map in the kernel. */
export interface BpfMap extends MapShape {
  readonly descriptor: number;
}

export class Bpf {
  readonly #call: BpfCall;

  constructor(libc: Libc) {
    this.#call = new BpfCall(libc);
  }

  createMap({ keySize, valueSize, maxEntries }: MapShape): BpfMap {
    const attributes = this.#call.prepare(AT.map.size);
    attributes.setUint32(AT.map.type, MAP_TYPE_HASH, true);
    attributes.setUint32(AT.map.keySize, keySize, true);
    attributes.setUint32(AT.map.valueSize, valueSize, true);
    attributes.setUint32(AT.map.maxEntries, maxEntries, true);
    return { descriptor: this.#call.require('MAP_CREATE'), keySize, valueSize, maxEntries };
  }

  /** Loads the program with `maps`, by their names in it. @returns its descriptor. */
  loadProgram(object: BpfObject, maps: Readonly<Record<string, BpfMap>>): number {
    const instructions = relocate(object, maps);
    for (let attempt = 1; ; attempt += 1) {
      this.#prepareProgram(instructions, object.license);
      const program = this.#call.try('PROG_LOAD');
      if (program >= 0) return program;
      if (this.#call.errno() !== EAGAIN || attempt === LOAD_TRIES) this.#call.refuse('PROG_LOAD');
    }
  }

  #prepareProgram(instructions: Uint8Array, license: string): void {
    const attributes = this.#call.prepare(AT.program.size);
    attributes.setUint32(AT.program.type, PROGRAM_TYPE_SCHED_CLS, true);
    attributes.setUint32(AT.program.count, instructions.length / INSTRUCTION_SIZE, true);
    this.#call.refer(AT.program.instructions, instructions);
    this.#call.refer(AT.program.license, toText(license));
  }

  /** Attaches on the ingress of a device, before whatever is there. @returns the link; closing it detaches. */
  attach(program: number, ifindex: number): number {
    const attributes = this.#call.prepare(AT.link.size);
    attributes.setUint32(AT.link.program, program, true);
    attributes.setUint32(AT.link.ifindex, ifindex, true);
    attributes.setUint32(AT.link.attachType, ATTACH_TCX_INGRESS, true);
    attributes.setUint32(AT.link.flags, BEFORE, true);
    return this.#call.require('LINK_CREATE');
  }

  /** Which device a link is attached to; 0 once that is gone. */
  readLinkDevice(link: number): number {
    const info = allocate(LINK_INFO.size);
    const attributes = this.#call.prepare(AT.info.size);
    attributes.setUint32(AT.info.object, link, true);
    attributes.setUint32(AT.info.length, info.length, true);
    this.#call.refer(AT.info.info, info);
    this.#call.require('OBJ_GET_INFO_BY_FD');
    return new DataView(info.buffer).getUint32(LINK_INFO.ifindex, true);
  }

  /** Names a map, a program or a link in a bpffs; it stays until that file is removed. */
  pin(descriptor: number, path: string): void {
    const attributes = this.#call.prepare(AT.pin.size);
    attributes.setUint32(AT.pin.object, descriptor, true);
    this.#call.refer(AT.pin.path, toText(path));
    this.#call.require('OBJ_PIN');
  }

  /** @returns the descriptor of what is pinned there. */
  open(path: string): number {
    this.#call.prepare(AT.pin.size);
    this.#call.refer(AT.pin.path, toText(path));
    return this.#call.require('OBJ_GET');
  }

  /** Puts an entry, in place of what has that key. @returns whether there was room; throws nothing. */
  update(map: BpfMap, key: Uint8Array, value: Uint8Array): boolean {
    this.#prepareElement(map, key, value);
    return this.#call.try('MAP_UPDATE_ELEM') >= 0;
  }

  /** Removes an entry. @returns what it held last, or `undefined` if there was none; throws nothing. */
  takeOut(map: BpfMap, key: Uint8Array): Uint8Array<ArrayBuffer> | undefined {
    const value = allocate(map.valueSize);
    this.#prepareElement(map, key, value);
    return this.#call.try('MAP_LOOKUP_AND_DELETE_ELEM') >= 0 ? value : undefined;
  }

  /**
   * Calls `visit` with each entry, which holds until it returns. Entries that come or go meanwhile may be left out.
   * Throws nothing.
   */
  forEach(map: BpfMap, visit: (value: DataView, key: Uint8Array) => void): void {
    const keys = allocate(BATCH * map.keySize);
    const values = allocate(BATCH * map.valueSize);
    const position = allocate(8);
    for (let isFirst = true, isMore = true; isMore; isFirst = false) {
      const attributes = this.#call.prepare(AT.batch.size);
      attributes.setUint32(AT.batch.map, map.descriptor, true);
      attributes.setUint32(AT.batch.count, BATCH, true);
      if (!isFirst) this.#call.refer(AT.batch.in, position);
      this.#call.refer(AT.batch.out, position);
      this.#call.refer(AT.batch.keys, keys);
      this.#call.refer(AT.batch.values, values);
      isMore = this.#call.try('MAP_LOOKUP_BATCH') >= 0;
      // The last batch comes with ENOENT.
      if (!isMore && this.#call.errno() !== ENOENT) return;
      const count = attributes.getUint32(AT.batch.count, true);
      for (let index = 0; index < count; index += 1) {
        const value = new DataView(values.buffer, index * map.valueSize, map.valueSize);
        visit(value, keys.subarray(index * map.keySize, (index + 1) * map.keySize));
      }
    }
  }

  /** Gives up a map, a program or a link; what holds on to it, or a pin, still keeps it. */
  close(descriptor: number): void {
    closeSync(descriptor);
  }

  #prepareElement(map: BpfMap, key: Uint8Array, value: Uint8Array): void {
    this.#call.prepare(AT.element.size).setUint32(AT.element.map, map.descriptor, true);
    this.#call.refer(AT.element.key, key);
    this.#call.refer(AT.element.value, value);
  }
}

/** The instructions with the descriptors of `maps` where they want them. */
function relocate(object: BpfObject, maps: Readonly<Record<string, BpfMap>>): Uint8Array {
  const instructions = allocate(object.instructions.length);
  instructions.set(object.instructions);
  const code = new DataView(instructions.buffer);
  for (const { offset, map } of object.maps) {
    const descriptor = maps[map]?.descriptor;
    if (descriptor === undefined) {
      const message = 'The kernel program wants an unknown map';
      throw new GleipnirError('KERNEL_PATH_UNAVAILABLE', message, { map });
    }
    code.setUint8(offset + 1, code.getUint8(offset + 1) | PSEUDO_MAP_FD);
    code.setUint32(offset + 4, descriptor, true);
  }
  return instructions;
}

/** Ended by a zero byte, as C has it. */
function toText(text: string): Uint8Array {
  const bytes = Buffer.from(text, 'utf8');
  const ended = allocate(bytes.length + 1);
  ended.set(bytes);
  return ended;
}
