/** Entries of the kernel's map, as many as wanted: each session with a host and a client of its own. Pure. */
import { ENTRY, FLAG, KEY4, UNKNOWN_NUMBER } from '../../relay/datapath/kernel/layout.ts';
import { allocate } from '../../relay/datapath/kernel/libc.ts';
import { FAMILY } from '../../relay/datapath/kernel/network.ts';

/** What a session has at most: a video, an audio and a control stream. */
const LEG_FLAGS = [FLAG.VIDEO, 0, FLAG.CONTROL] as const;

/** The slot that the hosts of a lane send to. */
export const LIVE_SLOT_PORT = 50_001;

/** An IPv4 address as a number, and a port. */
type End = readonly [address: number, port: number];

/** Both ends of a leg, and ours in between. */
export interface RouteEnds extends Record<'host' | 'slot' | 'client' | 'public', End> {
  /** Devices that the client, and the host, is behind. */
  ifindex: number;
  hostIfindex: number;
  flags: number;
}

/** `10.1.2.3` as a number. Precondition: an IPv4 address. */
export function numberOf(address: string): number {
  return address.split('.').reduce((number, part) => number * 256 + Number(part), 0);
}

/** The address of a number. */
export function addressOf(number: number): string {
  return [24, 16, 8, 0].map((shift) => (number >>> shift) & 0xff).join('.');
}

const HOST_FIRST = numberOf('10.128.0.0');
const CLIENT_FIRST = numberOf('100.64.0.0');
const SLOT = numberOf('10.0.0.1');
const PUBLIC = numberOf('192.0.2.1');

/** Ends of legs of which nothing is ever sent. @param sessions - up to 2^22; each has addresses of its own */
export function listIdle(sessions: number, entriesEach: number): RouteEnds[] {
  return Array.from({ length: sessions * entriesEach }, (_, index) => {
    const session = Math.floor(index / entriesEach);
    const leg = index % entriesEach;
    return {
      host: [HOST_FIRST + session, 47_998 + leg],
      slot: [SLOT, 20_000 + leg],
      client: [CLIENT_FIRST + session, 50_000 + leg],
      public: [PUBLIC, 48_000 + leg],
      ifindex: 1,
      hostIfindex: 1,
      flags: LEG_FLAGS[leg] ?? 0,
    };
  });
}

/** The keys and the values of entries, one after the other. */
export function formatEntries(
  ends: readonly RouteEnds[],
): Record<'keys' | 'values', Uint8Array<ArrayBuffer>> {
  const keys = allocate(ends.length * KEY4.size);
  const values = allocate(ends.length * ENTRY.size);
  const keyView = new DataView(keys.buffer);
  const valueView = new DataView(values.buffer);
  for (const [index, end] of ends.entries()) {
    writeKey(keyView, index * KEY4.size, end);
    writeValue(valueView, index * ENTRY.size, end);
  }
  return { keys, values };
}

function writeKey(view: DataView, offset: number, { host, slot }: RouteEnds): void {
  view.setUint32(offset, host[0]);
  view.setUint32(offset + KEY4.destination, slot[0]);
  view.setUint16(offset + KEY4.source_port, host[1]);
  view.setUint16(offset + KEY4.destination_port, slot[1]);
}

function writeValue(view: DataView, offset: number, ends: RouteEnds): void {
  const [client, clientPort] = ends.client;
  view.setUint32(offset, client);
  view.setUint32(offset + ENTRY.public_address, ends.public[0]);
  view.setUint16(offset + ENTRY.client_port, clientPort);
  view.setUint16(offset + ENTRY.public_port, ends.public[1]);
  view.setUint32(offset + ENTRY.ifindex, ends.ifindex, true);
  view.setUint32(offset + ENTRY.hop_family, FAMILY.INET, true);
  view.setUint32(offset + ENTRY.hop_address, client);
  view.setUint32(offset + ENTRY.host_ifindex, ends.hostIfindex, true);
  view.setUint32(offset + ENTRY.flags, ends.flags, true);
  for (const field of ['highest', 'restarts_at', 'frame'] as const) {
    view.setUint32(offset + ENTRY[field], UNKNOWN_NUMBER, true);
  }
}
