/**
 * The layouts of what the kernel program and the relay share, as `layout.bpf.h` has them; its assertions, and
 * layout.test.ts, keep both in step. All addresses and ports are in network order, the rest is little-endian.
 */

/** `struct key4`: host, our slot. */
export const KEY4 = { size: 12, destination: 4, source_port: 8, destination_port: 10 } as const;
/** `struct key6`. */
export const KEY6 = { size: 36, destination: 16, source_port: 32, destination_port: 34 } as const;

/** `struct entry`. `client_address` stands at 0. */
export const ENTRY = {
  size: 144,
  public_address: 16,
  client_port: 32,
  public_port: 34,
  ifindex: 36,
  flags: 40,
  host_ifindex: 44,
  hop_family: 48,
  hop_address: 52,
  id: 68,
  datagrams: 72,
  bytes: 80,
  seen_ns: 88,
  expected: 96,
  highest: 104,
  restarts_at: 108,
  frame: 112,
  timestamp: 116,
  arrived_ns: 120,
  pace_ns: 128,
  intervals: 132,
  jitter_ns: 136,
} as const;

/** `FLAG_*`. */
export const FLAG = { PEER: 1, CONTROL: 2, VIDEO: 4, ENCRYPTED: 8 } as const;

/** `UNKNOWN`: a sequence number that is not known yet. */
export const UNKNOWN_NUMBER = 0xffff_ffff;
