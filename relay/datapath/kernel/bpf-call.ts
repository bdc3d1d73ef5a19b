/**
 * The system call bpf(2) itself. Synchronous; each call takes microseconds.
 *
 * Source: enum bpf_cmd and union bpf_attr in the kernel's include/uapi/linux/bpf.h.
 */
import { getSystemErrorName } from 'node:util';
import { GleipnirError } from '../../../core/runtime/errors.ts';
import { allocate, type Libc } from './libc.ts';

const COMMAND = {
  MAP_CREATE: 0,
  MAP_UPDATE_ELEM: 2,
  PROG_LOAD: 5,
  OBJ_PIN: 6,
  OBJ_GET: 7,
  OBJ_GET_INFO_BY_FD: 15,
  MAP_LOOKUP_AND_DELETE_ELEM: 21,
  MAP_LOOKUP_BATCH: 24,
  LINK_CREATE: 28,
} as const;
type BpfCommand = keyof typeof COMMAND;

const SYSCALL: Readonly<Partial<Record<NodeJS.Architecture, number>>> = { x64: 321, arm64: 280 };
/** Room for the attributes of every command used here. */
const ATTRIBUTES_SIZE = 80;

/** One call after another, with one buffer for their attributes. */
export class BpfCall {
  readonly #bytes = allocate(ATTRIBUTES_SIZE);
  readonly #attributes = new DataView(this.#bytes.buffer);
  readonly #libc: Libc;
  readonly #number: number;
  #size = 0;
  /** What a call refers to by address: kept from the collector until the call is over. */
  readonly #held: Uint8Array[] = [];

  /** @throws GleipnirError KERNEL_PATH_UNAVAILABLE on a platform whose bpf(2) is not known */
  constructor(libc: Libc) {
    const { platform, arch } = process;
    const number = platform === 'linux' ? SYSCALL[arch] : undefined;
    if (number === undefined) {
      throw new GleipnirError('KERNEL_PATH_UNAVAILABLE', 'Only Linux on x64 and arm64 has this path', {
        platform,
        architecture: arch,
      });
    }
    this.#libc = libc;
    this.#number = number;
  }

  /**
   * Begins the next call.
   *
   * @param size - of the part of the union that its command has, bytes
   * @returns its attributes, zeros; afterwards they hold what the kernel wrote there
   */
  prepare(size: number): DataView {
    this.#bytes.fill(0, 0, size);
    this.#size = size;
    return this.#attributes;
  }

  /** Puts the address of `bytes`, which must be of `allocate`, into the attributes at `offset`. */
  refer(offset: number, bytes: Uint8Array): void {
    this.#held.push(bytes);
    this.#attributes.setBigUint64(offset, this.#libc.addressOf(bytes), true);
  }

  /** @returns what the kernel answered: negative for a failure, which `errno` then names. */
  try(command: BpfCommand): number {
    const result = this.#libc.syscall(this.#number, COMMAND[command], this.#bytes, this.#size);
    this.#held.length = 0;
    return result;
  }

  /** As `try`. @throws GleipnirError KERNEL_PATH_UNAVAILABLE for a failure */
  require(command: BpfCommand): number {
    const result = this.try(command);
    return result >= 0 ? result : this.refuse(command);
  }

  /** @throws GleipnirError KERNEL_PATH_UNAVAILABLE with what the last call failed for */
  refuse(command: BpfCommand): never {
    const error = getSystemErrorName(-this.#libc.errno());
    throw new GleipnirError('KERNEL_PATH_UNAVAILABLE', 'The kernel refused a call of bpf(2)', {
      command,
      error,
    });
  }

  errno(): number {
    return this.#libc.errno();
  }
}
