/** Entries of the kernel's map, as many as wanted: each session with a host and a client of its own. Pure. */
import { FAMILY } from '../../relay/datapath/kernel/network.ts';
import { ENTRY, FLAG, KEY4, UNKNOWN_NUMBER } from '../../relay/datapath/kernel/layout.ts';

/** What a session has at most: a video, an audio and a control stream. */
export const LEGS_MAX = 3;
const LEG_FLAGS = [FLAG.VIDEO, 0, FLAG.CONTROL] as const;

/** Both ends of a leg, and ours in between. Addresses are IPv4, as numbers. */
export interface RouteEnds {
  host: number;
  hostPort: number;
  slot: number;
  slotPort: number;
  client: number;
  clientPort: number;
  public: number;
  publicPort: number;
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
const HOST_PORT = 47_998;
const SLOT_PORT = 20_000;
/** The slot that the hosts of a lane send to. */
export const LIVE_SLOT_PORT = 50_001;
const CLIENT_PORT = 50_000;
const PUBLIC_PORT = 48_000;

/**
 * Ends of a leg of which nothing is ever sent.
 *
 * @param session - below 2^22; each has addresses of its own
 * @param leg - 0..2
 */
export function idleEnds(session: number, leg: number): RouteEnds {
  return {
    host: HOST_FIRST + session,
    hostPort: HOST_PORT + leg,
    slot: SLOT,
    slotPort: SLOT_PORT + leg,
    client: CLIENT_FIRST + session,
    clientPort: CLIENT_PORT + leg,
    public: PUBLIC,
    publicPort: PUBLIC_PORT + leg,
    ifindex: 1,
    hostIfindex: 1,
    flags: LEG_FLAGS[leg] ?? 0,
  };
}

/** Writes the key of an entry at `offset`, `KEY4.size` bytes. */
export function writeKey(view: DataView, offset: number, ends: RouteEnds): void {
  view.setUint32(offset, ends.host);
  view.setUint32(offset + KEY4.destination, ends.slot);
  view.setUint16(offset + KEY4.source_port, ends.hostPort);
  view.setUint16(offset + KEY4.destination_port, ends.slotPort);
}

/** Writes the value of an entry at `offset`, `ENTRY.size` bytes that were zeros. */
export function writeValue(view: DataView, offset: number, ends: RouteEnds): void {
  view.setUint32(offset, ends.client);
  view.setUint32(offset + ENTRY.public_address, ends.public);
  view.setUint16(offset + ENTRY.client_port, ends.clientPort);
  view.setUint16(offset + ENTRY.public_port, ends.publicPort);
  view.setUint32(offset + ENTRY.ifindex, ends.ifindex, true);
  view.setUint32(offset + ENTRY.hop_family, FAMILY.INET, true);
  view.setUint32(offset + ENTRY.hop_address, ends.client);
  view.setUint32(offset + ENTRY.host_ifindex, ends.hostIfindex, true);
  view.setUint32(offset + ENTRY.flags, ends.flags, true);
  for (const field of ['highest', 'restarts_at', 'frame'] as const) {
    view.setUint32(offset + ENTRY[field], UNKNOWN_NUMBER, true);
  }
}
