/** What the contract of the datapath engine plays in, and what its parts send there and look for. */
import { expect } from 'vitest';
import type { EnetCommand } from '../../../core/protocol/enet/command.ts';
import { SS_ENC } from '../../../core/protocol/sdp.ts';
import type { SessionRecord } from '../../../core/session/record.ts';
import type { StreamKind } from '../../counts/counters.ts';
import { datagram, HOST_PEER, type Fixture } from '../../testing/fixture.ts';
import { until } from '../../testing/udp-peer.ts';
import type { DatapathStats } from '../engine.ts';

/** A socket of a client or a host. */
export interface DatapathPeer {
  readonly port: number;
  /** What came, and from which port of the relay. */
  readonly received: readonly { readonly bytes: Buffer; readonly port: number }[];
  /** To a port of the relay, at the address that this peer knows it by. */
  send: (bytes: Uint8Array, port: number) => void;
}

/** A session that plays: VERIFY_CONNECT has passed, no media yet. */
export interface DatapathPlay<P extends DatapathPeer> {
  session: SessionRecord;
  client: Record<StreamKind, P>;
  host: Record<StreamKind, P>;
  /** Ports of the slot, as the host sees them. */
  slot: Record<StreamKind, number>;
}

export interface PlayRequest<P extends DatapathPeer> {
  /** Default: by the index. */
  id?: string;
  generation?: number;
  /** Default: the index. */
  slot?: number;
  encryptionEnabled?: number;
  /** Sockets of a host that serves another session already. */
  host?: Record<StreamKind, P>;
}

/** A relay, and both sides of it. Every client has one address, every host another or the same. */
export interface DatapathWorld<P extends DatapathPeer = DatapathPeer> {
  readonly engine: DatapathStats['engine'];
  readonly fixture: Fixture;
  /** Brings a session with the tokens of `index`, 1..9, and a client of its own to where media may flow. */
  play: (index: number, request?: PlayRequest<P>) => Promise<DatapathPlay<P>>;
  /** One more socket at that side's address. */
  openPeer: (side: 'client' | 'host') => Promise<P>;
  close: () => Promise<void>;
}

/** The world of the test that runs. */
export type GetWorld<P extends DatapathPeer> = () => DatapathWorld<P>;

/** Bytes of a datagram whose size does not matter. */
export const STREAM_SIZE = 1200;
/** Longer than counts, rows and rates take to become known. */
export const SOON_MS = 1_020;

/** A video datagram of frame 1, or with `isEncrypted` one that is numbered as Sunshine does it. */
export function video(sequenceNumber: number, { isEncrypted = false, size = STREAM_SIZE } = {}): Buffer {
  const bytes = Buffer.alloc(Math.max(size, 32), sequenceNumber & 0xff);
  bytes[0] = 0x90;
  bytes.writeUInt16BE(sequenceNumber, 2);
  bytes.writeUInt32LE(1, 20);
  if (isEncrypted) {
    bytes.writeBigUInt64LE(BigInt(sequenceNumber), 0);
    bytes.write('\0\0HV', 8, 'latin1');
    bytes.writeUInt32LE(1, 12);
  }
  return bytes.subarray(0, size);
}

/** A datagram that is nothing but `mark`. */
export const filled = (size: number, mark: number): Buffer => Buffer.alloc(size, mark);

/** A control datagram of the host, in the client's connection. */
export function control(...commands: EnetCommand[]): Uint8Array {
  return datagram(0, HOST_PEER.toClient, ...commands);
}

/**
 * Sends these from the host one by one, each when the one before has come to the client: those that a fast path takes
 * may overtake those that it does not.
 *
 * @returns what came
 */
export async function deliver<P extends DatapathPeer>(
  { host, client, slot }: DatapathPlay<P>,
  stream: StreamKind,
  ...datagrams: readonly Uint8Array[]
): Promise<{ bytes: Buffer; port: number }[]> {
  const { length: before } = client[stream].received;
  for (const [index, bytes] of datagrams.entries()) {
    host[stream].send(bytes, slot[stream]);
    await until(
      () => client[stream].received.length > before + index,
      `${stream} datagram ${index} at the client`,
    );
  }
  return client[stream].received.slice(before);
}

/** Media flows on both streams: one datagram of each has come. */
export async function playEstablished<P extends DatapathPeer>(
  world: DatapathWorld<P>,
  index: number,
  request?: PlayRequest<P>,
): Promise<DatapathPlay<P>> {
  const playing = await world.play(index, request);
  const isEncrypted = ((request?.encryptionEnabled ?? 0) & SS_ENC.VIDEO) !== 0;
  await deliver(playing, 'video', video(1, { isEncrypted }));
  await deliver(playing, 'audio', filled(STREAM_SIZE, index));
  return playing;
}

/** To be compared, whatever kind of array each was. */
export function bytesIn(datagrams: readonly { bytes: Uint8Array }[]): Buffer[] {
  return datagrams.map(({ bytes }) => Buffer.from(bytes));
}

/** Bytes in all of them. */
export function sizeOf(datagrams: readonly Uint8Array[]): number {
  return datagrams.reduce((sum, { length }) => sum + length, 0);
}

/** Waits until the flow row of session `id` has what `row` has. */
export async function expectRow({ fixture }: { fixture: Fixture }, id: string, row: object): Promise<void> {
  await expect.poll(() => fixture.flowRow(id)).toMatchObject(row);
}
