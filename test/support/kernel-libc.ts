/** Calls of the C library that tests of the kernel path make themselves. Through koffi, loaded when asked for. */
import { createRequire } from 'node:module';
import { isIPv6 } from 'node:net';
import { bytesOf } from '../../relay/datapath/kernel/address.ts';

const SOCK_DGRAM_CLOEXEC = 0x8_0002;
const PROTECT_READ_WRITE = 3;
const MAP_SHARED = 1;
const RECEIVE_BUFFER_BYTES = 8 * 1024 * 1024;
/** `struct sockaddr_in` and `sockaddr_in6`. */
const SOCKADDR = {
  v4: { size: 16, family: 2, address: 4 },
  v6: { size: 28, family: 10, address: 8 },
} as const;

/** Calls answer as in C: -1 for a failure. */
interface TestLibc {
  /** Moves this thread to the network namespace of a descriptor. */
  setns: (descriptor: number, kind: number) => number;
  /** Of a descriptor: level, name, value, its size. */
  setsockopt: (...option: [number, number, number, Uint8Array, number]) => number;
  socket: (family: number, type: number, protocol: number) => number;
  bind: (descriptor: number, address: Uint8Array, size: number) => number;
  connect: (descriptor: number, address: Uint8Array, size: number) => number;
  send: (descriptor: number, bytes: Uint8Array, size: number, flags: number) => number;
  recv: (descriptor: number, bytes: Uint8Array, size: number, flags: number) => number;
  /** Of a descriptor: an array of `struct mmsghdr`, how many, flags. */
  sendmmsg: (...messages: [number, Uint8Array, number, number]) => number;
  /** The same, and how long to wait. */
  recvmmsg: (...messages: [number, Uint8Array, number, number, null]) => number;
  /** Clock, flags, until when; and where to tell what is left. */
  clock_nanosleep: (...sleep: [number, number, Uint8Array, null]) => number;
  prctl: (option: number, value: number) => number;
  /** Where, size, protection, flags, file, offset. */
  mmap: (...mapping: [null, number, number, number, number, number]) => unknown;
}

type Koffi = typeof import('koffi');

let loaded: TestLibc | undefined;

/** @throws Error where koffi is not installed */
function loadKoffi(): Koffi {
  return createRequire(import.meta.url)('koffi') as Koffi;
}

/** @throws Error where koffi is not installed */
export function testLibc(): TestLibc {
  if (loaded !== undefined) return loaded;
  const koffi = loadKoffi();
  const library = koffi.load(null);
  const call = (definition: string): unknown => library.func(definition);
  return (loaded = {
    setns: call('int setns(int descriptor, int kind)') as TestLibc['setns'],
    setsockopt: call(
      'int setsockopt(int descriptor, int level, int name, void *value, uint size)',
    ) as TestLibc['setsockopt'],
    socket: call('int socket(int family, int type, int protocol)') as TestLibc['socket'],
    bind: call('int bind(int descriptor, void *address, uint size)') as TestLibc['bind'],
    connect: call('int connect(int descriptor, void *address, uint size)') as TestLibc['connect'],
    send: call('long send(int descriptor, void *bytes, ulong size, int flags)') as TestLibc['send'],
    recv: call('long recv(int descriptor, void *bytes, ulong size, int flags)') as TestLibc['recv'],
    sendmmsg: call(
      'int sendmmsg(int descriptor, void *headers, uint count, int flags)',
    ) as TestLibc['sendmmsg'],
    recvmmsg: call(
      'int recvmmsg(int descriptor, void *headers, uint count, int flags, void *wait)',
    ) as TestLibc['recvmmsg'],
    clock_nanosleep: call(
      'int clock_nanosleep(int clock, int flags, void *until, void *rest)',
    ) as TestLibc['clock_nanosleep'],
    // Variadic in C; on x86-64 and arm64 Linux integers are passed the same way.
    prctl: call('int prctl(int option, ulong value)') as TestLibc['prctl'],
    mmap: call(
      'void *mmap(void *at, size_t size, int protect, int flags, int file, long offset)',
    ) as TestLibc['mmap'],
  });
}

/** @throws Error naming `option`, when the system refuses it */
export function setSocketOption(
  descriptor: number,
  [option, level, name]: readonly [string, number, number],
  value: Uint8Array,
): void {
  if (testLibc().setsockopt(descriptor, level, name, value, value.length) === 0) return;
  throw new Error(`the system refused the socket option ${option}`);
}

/** A UDP socket bound to `address`, in the namespace that this thread is in. @param port - 0: any. @returns its descriptor. */
export function openUdpSocket(address: string, port = 0): number {
  const sockaddr = formatSockaddr(address, port);
  const descriptor = testLibc().socket(sockaddr.readUInt16LE(), SOCK_DGRAM_CLOEXEC, 0);
  if (descriptor >= 0 && testLibc().bind(descriptor, sockaddr, sockaddr.length) === 0) return descriptor;
  throw new Error(`a socket cannot be bound to ${address}`);
}

/**
 * A socket of another kind, connected to `address`, in the namespace that this thread is in. Waits until it is.
 *
 * @param port - 0 where the protocol knows none
 * @returns its descriptor
 */
export function connectSocket(type: number, protocol: number, address: string, port: number): number {
  const sockaddr = formatSockaddr(address, port);
  const descriptor = testLibc().socket(sockaddr.readUInt16LE(), type, protocol);
  if (descriptor >= 0 && testLibc().connect(descriptor, sockaddr, sockaddr.length) === 0) return descriptor;
  throw new Error(`a socket cannot be connected to ${address}`);
}

/** `struct sockaddr_in` or `sockaddr_in6`. */
export function formatSockaddr(address: string, port: number): Buffer {
  const layout = isIPv6(address) ? SOCKADDR.v6 : SOCKADDR.v4;
  const bytes = Buffer.alloc(layout.size);
  bytes.writeUInt16LE(layout.family);
  bytes.writeUInt16BE(port, 2);
  bytes.set(bytesOf(address), layout.address);
  return bytes;
}

/** A number as socket options have it. */
export function numberOption(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}

/** Makes room for everything that comes while this thread does not look. */
export function enlargeReceiveBuffer(descriptor: number): void {
  setSocketOption(descriptor, ['SO_RCVBUFFORCE', 1, 33], numberOption(RECEIVE_BUFFER_BYTES));
}

/** `size` bytes of an open file, shared with every process that maps them. */
export function shareFile(file: number, size: number): ArrayBuffer {
  const { mmap } = testLibc();
  return loadKoffi().view(mmap(null, size, PROTECT_READ_WRITE, MAP_SHARED, file, 0), size);
}

/** Where `bytes` are in memory, which must not move: those of a large or an external array. */
export function addressOf(bytes: Uint8Array): bigint {
  return loadKoffi().address(bytes);
}
