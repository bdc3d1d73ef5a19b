/**
 * Memory for datagrams that are sent or received by one call: an array of `struct mmsghdr`, each with its
 * `struct iovec` and its bytes. Made once, used for every call.
 *
 * Source: sendmmsg(2), recvmmsg(2), as on 64-bit Linux.
 */
import { allocate } from '../../relay/datapath/kernel/libc.ts';
import { addressOf, formatSockaddr } from '../../test/support/kernel-libc.ts';

/** Fields of a header: where they are, and where how many or how long is said. */
const NAME = { at: 0, size: 8 } as const;
const VECTORS = { at: 16, size: 24 } as const;
const CONTROL = { at: 32, size: 40 } as const;
const [LENGTH_AT, HEADER_SIZE] = [56, 64];
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
    this.#held.push(vectors);
    this.headers = allocate(count * HEADER_SIZE);
    this.#headers = new DataView(this.headers.buffer);
    this.#vectors = new DataView(vectors.buffer);
    this.messages = Array.from({ length: count }, (_, index) => {
      const at = index * VECTOR.size;
      this.#vectors.setBigUint64(at + VECTOR.base, addressOf(bytes) + BigInt(index * size), true);
      this.setSize(index, size);
      this.#refer(index, VECTORS, 1, addressOf(vectors) + BigInt(at));
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
    this.#held.push(bytes);
    this.#refer(index, NAME, bytes.length, addressOf(bytes));
  }

  /** What goes with message `index`: a `struct cmsghdr` and its data. */
  setControl(index: number, control: Uint8Array<ArrayBuffer>): void {
    this.#held.push(control);
    this.#refer(index, CONTROL, control.length, addressOf(control));
  }

  /** Bytes of message `index` that were sent or received. */
  lengthOf(index: number): number {
    return this.#headers.getUint32(index * HEADER_SIZE + LENGTH_AT, true);
  }

  #refer(index: number, field: Record<'at' | 'size', number>, size: number, address: bigint): void {
    const start = index * HEADER_SIZE;
    this.#headers.setBigUint64(start + field.at, address, true);
    this.#headers.setBigUint64(start + field.size, BigInt(size), true);
  }
}
