/**
 * A netlink socket to the kernel's routing, in the network namespace that it was made in. Synchronous: the kernel
 * answers within the call.
 *
 * Source: netlink(7), rtnetlink(7).
 */
import { closeSync } from 'node:fs';
import { getSystemErrorName } from 'node:util';
import { GleipnirError } from '../../../core/runtime/errors.ts';
import { allocate, type Libc } from './libc.ts';

const AF_NETLINK = 16;
const SOCK_RAW_CLOEXEC = 0x8_0003;
const NETLINK_ROUTE = 0;
const DO_NOT_WAIT = 0x40;
const HEADER = { size: 16, length: 0, type: 4, flags: 6, sequence: 8 } as const;
const ADDRESS = { size: 12, family: 0, groups: 8 } as const;
const DONE = 3;
const REQUEST = 1;
const DUMP = 0x300;
const ATTRIBUTE_HEAD = 4;
const ANSWER_SIZE = 0x1_0000;
/** Nothing waits to be read. */
const EAGAIN = 11;

/** One message of an answer, without its header. */
export interface Message {
  type: number;
  body: DataView;
}

export class NetlinkSocket {
  readonly #libc: Libc;
  readonly #descriptor: number;
  readonly #answer = allocate(ANSWER_SIZE);
  #sequence = 0;
  #isOpen = true;

  /**
   * @param groups - RTMGRP_* whose news this socket gets; 0 for one that only asks
   * @throws GleipnirError KERNEL_PATH_UNAVAILABLE
   */
  constructor(libc: Libc, groups = 0) {
    this.#libc = libc;
    this.#descriptor = libc.socket(AF_NETLINK, SOCK_RAW_CLOEXEC, NETLINK_ROUTE);
    const address = allocate(ADDRESS.size);
    const view = new DataView(address.buffer);
    view.setUint16(ADDRESS.family, AF_NETLINK, true);
    view.setUint32(ADDRESS.groups, groups, true);
    if (this.#descriptor >= 0 && libc.bind(this.#descriptor, address, address.length) === 0) return;
    const error = getSystemErrorName(-libc.errno());
    if (this.#descriptor >= 0) closeSync(this.#descriptor);
    throw new GleipnirError('KERNEL_PATH_UNAVAILABLE', 'The routing tables cannot be read', { error });
  }

  /** Idempotent. */
  close(): void {
    if (this.#isOpen) closeSync(this.#descriptor);
    this.#isOpen = false;
  }

  /** The answer to one question; empty where the kernel refuses it. Bodies hold until the next call. */
  ask(type: number, body: Uint8Array): Message[] {
    return this.#ask(type, REQUEST, body);
  }

  /** Calls `visit` with all there are of a kind; each body holds until `visit` returns. */
  dump(type: number, body: Uint8Array, visit: (message: Message) => void): void {
    let messages = this.#ask(type, REQUEST | DUMP, body);
    while (messages.length > 0) {
      for (const message of messages) if (message.type !== DONE) visit(message);
      if (messages.some((message) => message.type === DONE)) return;
      messages = this.#read();
    }
  }

  /** Whether news of the groups came since last time, those that were lost for want of room included. */
  hasNews(): boolean {
    let hasNews = false;
    for (;;) {
      const size = this.#libc.recv(this.#descriptor, this.#answer, this.#answer.length, DO_NOT_WAIT);
      if (size < 0 && this.#libc.errno() === EAGAIN) return hasNews;
      hasNews = true;
      if (size === 0) return hasNews;
    }
  }

  #ask(type: number, flags: number, body: Uint8Array): Message[] {
    const request = allocate(HEADER.size + body.length);
    const head = new DataView(request.buffer);
    this.#sequence = (this.#sequence + 1) >>> 0;
    head.setUint32(HEADER.length, request.length, true);
    head.setUint16(HEADER.type, type, true);
    head.setUint16(HEADER.flags, flags, true);
    head.setUint32(HEADER.sequence, this.#sequence, true);
    request.set(body, HEADER.size);
    if (this.#libc.send(this.#descriptor, request, request.length, 0) < 0) return [];
    return this.#read();
  }

  #read(): Message[] {
    const size = this.#libc.recv(this.#descriptor, this.#answer, this.#answer.length, DO_NOT_WAIT);
    return readMessages(new DataView(this.#answer.buffer, 0, Math.max(size, 0)), this.#sequence);
  }
}

/** Those messages of a datagram that answer question `sequence`. */
function readMessages(view: DataView, sequence: number): Message[] {
  const messages: Message[] = [];
  let at = 0;
  while (at + HEADER.size <= view.byteLength) {
    const length = view.getUint32(at + HEADER.length, true);
    if (length < HEADER.size || at + length > view.byteLength) break;
    const body = new DataView(view.buffer, view.byteOffset + at + HEADER.size, length - HEADER.size);
    const isAnswer = view.getUint32(at + HEADER.sequence, true) === sequence;
    if (isAnswer) messages.push({ type: view.getUint16(at + HEADER.type, true), body });
    at += aligned(length);
  }
  return messages;
}

/** The attributes that follow a message's own structure of `start` bytes, by type. */
export function readAttributes({ body }: Message, start: number): Map<number, DataView> {
  const attributes = new Map<number, DataView>();
  let at = start;
  while (at + ATTRIBUTE_HEAD <= body.byteLength) {
    const length = body.getUint16(at, true);
    if (length < ATTRIBUTE_HEAD || at + length > body.byteLength) break;
    const value = new DataView(body.buffer, body.byteOffset + at + ATTRIBUTE_HEAD, length - ATTRIBUTE_HEAD);
    attributes.set(body.getUint16(at + 2, true), value);
    at += aligned(length);
  }
  return attributes;
}

/** Precondition: `value` is a multiple of four bytes long, as addresses are. */
export function formatAttribute(type: number, value: Uint8Array): Uint8Array {
  const bytes = Buffer.alloc(ATTRIBUTE_HEAD + value.length);
  bytes.writeUInt16LE(bytes.length, 0);
  bytes.writeUInt16LE(type, 2);
  bytes.set(value, ATTRIBUTE_HEAD);
  return bytes;
}

function aligned(length: number): number {
  return (length + 3) & ~3;
}
