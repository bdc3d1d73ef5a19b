/** The C library, as far as the kernel path needs it. Through koffi, which is optional and loaded when asked for. */
import { createRequire } from 'node:module';
import { GleipnirError } from '../../../core/runtime/errors.ts';

/** Calls answer as in C: -1 for a failure, which `errno` then names. */
export interface Libc {
  syscall: (number: number, command: number, attributes: Uint8Array, size: number) => number;
  socket: (family: number, type: number, protocol: number) => number;
  bind: (descriptor: number, address: Uint8Array, size: number) => number;
  send: (descriptor: number, bytes: Uint8Array, size: number, flags: number) => number;
  recv: (descriptor: number, bytes: Uint8Array, size: number, flags: number) => number;
  errno: () => number;
  /** Where `bytes` are in memory. They must be of `allocate`, and held as long as the address is used. */
  addressOf: (bytes: Uint8Array) => bigint;
}

/** Zeros that never move: small arrays live in the heap that the collector rearranges, unlike these. */
export function allocate(size: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new ArrayBuffer(size));
}

/** @throws GleipnirError KERNEL_PATH_UNAVAILABLE where koffi is not installed or does not run */
export function loadLibc(): Libc {
  try {
    const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
    const library = koffi.load(null);
    const call = (definition: string): unknown => library.func(definition);
    return {
      // Variadic in C; on x86-64 and arm64 Linux integers and pointers are passed the same way.
      syscall: call(
        'long syscall(long number, long command, void *attributes, ulong size)',
      ) as Libc['syscall'],
      socket: call('int socket(int family, int type, int protocol)') as Libc['socket'],
      bind: call('int bind(int descriptor, void *address, uint size)') as Libc['bind'],
      send: call('long send(int descriptor, void *bytes, ulong size, int flags)') as Libc['send'],
      recv: call('long recv(int descriptor, void *bytes, ulong size, int flags)') as Libc['recv'],
      errno: () => koffi.errno(),
      addressOf: (bytes) => koffi.address(bytes),
    };
  } catch (cause) {
    throw new GleipnirError('KERNEL_PATH_UNAVAILABLE', 'The C library cannot be called', {}, { cause });
  }
}
