/**
 * The calls of the C library that move many datagrams at once, which Node does not have. Through koffi; Linux on x64
 * and arm64. All addresses of memory are of `allocate`, which never moves.
 *
 * Source: socket(7), udp(7), ip(7), sendmmsg(2), recvmmsg(2); numbers from the kernel's include/uapi.
 */
import { createRequire } from 'node:module';
import { getSystemErrorName } from 'node:util';
import { allocate } from '../../relay/datapath/kernel/libc.ts';

const AF_INET = 2;
const SOCK_DGRAM_CLOEXEC = 0x8_0002;
const CLOCK_MONOTONIC = 1;
const TIMER_ABSTIME = 1;
const SET_TIMER_SLACK = 29;
const PROTECT_READ_WRITE = 3;
const MAP_SHARED = 1;
const NS_PER_S = 1_000_000_000;
const ADDRESS_SIZE = 16;

/** Socket options: level and name. */
export const OPTION = {
  receiveTimeout: [1, 20],
  receiveBufferForced: [1, 33],
  sendSegmentBytes: [17, 103],
  receiveSegmentsTogether: [17, 104],
} as const;

/** Waits until there is one datagram, then takes what is there. */
export const WAIT_FOR_ONE = 0x1_0000;

type Call<Parameters extends unknown[], Result = number> = (...parameters: Parameters) => Result;

interface Calls {
  /** Family, type, protocol. */
  socket: Call<[number, number, number]>;
  /** Descriptor, address and its size. */
  bind: Call<[number, Uint8Array, number]>;
  connect: Call<[number, Uint8Array, number]>;
  /** Descriptor, level, name, value and its size. */
  setsockopt: Call<[number, number, number, Uint8Array, number]>;
  /** Descriptor, headers, how many, flags; and how long to wait. */
  sendmmsg: Call<[number, Uint8Array, number, number]>;
  recvmmsg: Call<[number, Uint8Array, number, number, null]>;
  /** Clock, flags, until when; and where to tell what is left. */
  clockNanosleep: Call<[number, number, Uint8Array, null]>;
  /** Option, value. */
  prctl: Call<[number, number]>;
  /** Where, size, protection, flags, file, offset. */
  mmap: Call<[null, number, number, number, number, number], unknown>;
}

/** What the peers call, in the words of this program. */
export interface PeerLibc {
  /** @returns its descriptor. @throws Error with the system's name for what is wrong, as everything here. */
  openSocket: (address: string, port: number) => number;
  connect: (descriptor: number, address: string, port: number) => void;
  setOption: (descriptor: number, option: (typeof OPTION)[keyof typeof OPTION], value: Uint8Array) => void;
  /** @returns how many were sent; 0 when none could be. */
  send: (descriptor: number, headers: Uint8Array, count: number) => number;
  /** @returns how many came; 0 when none did in time. */
  receive: (descriptor: number, headers: Uint8Array, count: number, flags: number) => number;
  /** Until this instant of the machine's monotonic clock, ns; exact to a few µs. Blocks: keep it below 100 ms. */
  sleepUntil: (instantNs: number) => void;
  /** `size` bytes of an open file, shared with every process that maps them. */
  share: (file: number, size: number) => ArrayBuffer;
  addressOf: (bytes: Uint8Array) => bigint;
}

/** Loads the calls, and makes this process's sleeps exact. @throws Error where koffi is not installed */
export function loadPeerLibc(): PeerLibc {
  const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
  const calls = defineCalls(koffi);
  const require = (result: number): number => {
    if (result < 0) throw new Error(`A system call failed: ${getSystemErrorName(-koffi.errno())}`);
    return result;
  };
  const instant = allocate(ADDRESS_SIZE);
  const instantView = new DataView(instant.buffer);
  require(calls.prctl(SET_TIMER_SLACK, 1));
  return {
    openSocket: (address, port) => {
      const descriptor = require(calls.socket(AF_INET, SOCK_DGRAM_CLOEXEC, 0));
      require(calls.bind(descriptor, formatAddress(address, port), ADDRESS_SIZE));
      return descriptor;
    },
    connect: (descriptor, address, port) => {
      require(calls.connect(descriptor, formatAddress(address, port), ADDRESS_SIZE));
    },
    setOption: (descriptor, [level, name], value) => {
      require(calls.setsockopt(descriptor, level, name, value, value.length));
    },
    send: (descriptor, headers, count) => Math.max(calls.sendmmsg(descriptor, headers, count, 0), 0),
    receive: (descriptor, headers, count, flags) =>
      Math.max(calls.recvmmsg(descriptor, headers, count, flags, null), 0),
    sleepUntil: (instantNs) => {
      instantView.setBigInt64(0, BigInt(Math.floor(instantNs / NS_PER_S)), true);
      instantView.setBigInt64(8, BigInt(Math.floor(instantNs % NS_PER_S)), true);
      calls.clockNanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, instant, null);
    },
    share: (file, size) => koffi.view(calls.mmap(null, size, PROTECT_READ_WRITE, MAP_SHARED, file, 0), size),
    addressOf: (bytes) => koffi.address(bytes),
  };
}

function defineCalls(koffi: typeof import('koffi')): Calls {
  const library = koffi.load(null);
  const call = (definition: string): unknown => library.func(definition);
  return {
    socket: call('int socket(int family, int type, int protocol)') as Calls['socket'],
    bind: call('int bind(int descriptor, void *address, uint size)') as Calls['bind'],
    connect: call('int connect(int descriptor, void *address, uint size)') as Calls['connect'],
    setsockopt: call(
      'int setsockopt(int descriptor, int level, int name, void *value, uint size)',
    ) as Calls['setsockopt'],
    sendmmsg: call('int sendmmsg(int descriptor, void *headers, uint count, int flags)') as Calls['sendmmsg'],
    recvmmsg: call(
      'int recvmmsg(int descriptor, void *headers, uint count, int flags, void *wait)',
    ) as Calls['recvmmsg'],
    clockNanosleep: call(
      'int clock_nanosleep(int clock, int flags, void *until, void *rest)',
    ) as Calls['clockNanosleep'],
    // Variadic in C; on x86-64 and arm64 Linux integers are passed the same way.
    prctl: call('int prctl(int option, ulong value)') as Calls['prctl'],
    mmap: call(
      'void *mmap(void *at, size_t size, int protect, int flags, int file, long offset)',
    ) as Calls['mmap'],
  };
}

/** `struct sockaddr_in`. */
export function formatAddress(address: string, port: number): Uint8Array<ArrayBuffer> {
  const bytes = allocate(ADDRESS_SIZE);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, AF_INET, true);
  view.setUint16(2, port);
  bytes.set(bytesOf(address), 4);
  return bytes;
}

/** The four bytes of an IPv4 address. */
export function bytesOf(address: string): Uint8Array {
  return Uint8Array.from(address.split('.').map(Number));
}

/** An `int` as socket options are told. */
export function intOf(value: number): Uint8Array<ArrayBuffer> {
  const bytes = allocate(4);
  new DataView(bytes.buffer).setInt32(0, value, true);
  return bytes;
}
