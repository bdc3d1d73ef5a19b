/**
 * Memory for datagrams that are sent or received by one call: an array of `struct mmsghdr`, each with its
 * `struct iovec` and its bytes. Made once, used for every call.
 *
 * Source: sendmmsg(2), recvmmsg(2), as on 64-bit Linux.
 */
import { allocate } from '../../relay/datapath/kernel/libc.ts';
import { addressOf, formatSockaddr } from '../../test/support/kernel-libc.ts';

const HEADER = {
  size: 64,
  name: 0,
  nameSize: 8,
  vector: 16,
  vectors: 24,
  control: 32,
  controlSize: 40,
  length: 56,
};
const VECTOR = { size: 16, base: 0, length: 8 };

export class Batch {
  /** For the system call. */
  readonly headers: Uint8Array<ArrayBuffer>;
  /** The bytes of each message; one after the other in memory. */
  readonly messages: readonly Buffer[];
  readonly #headers: DataView;
  readonly #vectors: DataView;
  /** What headers point to besides: kept from the collector as long as the batch. */
  readonly #held: Uint8Array[] = [];

  /** @param shape - how many messages, and bytes of each */
  constructor({ count, size }: { count: number; size: number }) {
    const bytes = allocate(count * size);
    const vectors = allocate(count * VECTOR.size);
    this.headers = allocate(count * HEADER.size);
    this.#headers = new DataView(this.headers.buffer);
    this.#vectors = new DataView(vectors.buffer);
    this.messages = Array.from({ length: count }, (_, index) => {
      const at = index * VECTOR.size;
      this.#vectors.setBigUint64(at + VECTOR.base, addressOf(bytes) + BigInt(index * size), true);
      this.setSize(index, size);
      this.#refer(index, HEADER.vector, vectors, at);
      this.#set(index, HEADER.vectors, 1);
      return Buffer.from(bytes.buffer, index * size, size);
    });
  }

  /** How much of message `index` is sent, or may be received. May reach into the messages behind it. */
  setSize(index: number, size: number): void {
    this.#vectors.setBigUint64(index * VECTOR.size + VECTOR.length, BigInt(size), true);
  }

  /** Where message `index` goes to. */
  setDestination(index: number, address: string, port: number): void {
    const sockaddr = formatSockaddr(address, port);
    const bytes = allocate(sockaddr.length);
    bytes.set(sockaddr);
    this.#refer(index, HEADER.name, bytes);
    this.#set(index, HEADER.nameSize, bytes.length);
  }

  /** What goes with message `index`: a `struct cmsghdr` and its data. */
  setControl(index: number, control: Uint8Array<ArrayBuffer>): void {
    this.#refer(index, HEADER.control, control);
    this.#set(index, HEADER.controlSize, control.length);
  }

  /** Bytes of message `index` that were sent or received. */
  lengthOf(index: number): number {
    return this.#headers.getUint32(index * HEADER.size + HEADER.length, true);
  }

  #refer(index: number, field: number, bytes: Uint8Array, offset = 0): void {
    this.#held.push(bytes);
    const address = addressOf(bytes) + BigInt(offset);
    this.#headers.setBigUint64(index * HEADER.size + field, address, true);
  }

  #set(index: number, field: number, value: number): void {
    this.#headers.setBigUint64(index * HEADER.size + field, BigInt(value), true);
  }
}
