/**
 * As much of a TURN client as coturn needs in order to carry what a peer sends to a client: an allocation without
 * credentials, and a channel for the peer, so that datagrams come with a header of 4 bytes only.
 *
 * Source: RFC 8489 section 5 and 14 (STUN), RFC 8656 section 7, 12 and 18 (TURN).
 *
 *   offset  size  field
 *   0       2     message type: method and class
 *   2       2     length of the attributes
 *   4       4     magic cookie
 *   8       12    transaction id
 *   20            attributes: type (2), length (2), value, padded to 4 bytes
 */

const COOKIE = 0x2112_a442;
const HEADER_SIZE = 20;
const AT = { cookie: 4, transaction: 16 } as const;
const REQUEST = { allocate: 0x0003, channelBind: 0x0009 } as const;
const SUCCESS = 0x0100;
const CLASS = 0x0110;
const ATTRIBUTE = {
  channelNumber: 0x000c,
  lifetime: 0x000d,
  peerAddress: 0x0012,
  relayedAddress: 0x0016,
  transport: 0x0019,
} as const;
const UDP = 17;
const IPV4 = 1;
const CHANNEL_FIRST = 0x4000;
/** The longest that servers grant by themselves. */
const LIFETIME_S = 3600;

/** What a server answered that did as it was asked; in the answer to an allocation, where peers send to. */
export interface TurnAnswer {
  transaction: number;
  relayedPort: number | undefined;
}

/** @param transaction - unsigned 32 bits; comes back with the answer */
export function formatAllocate(transaction: number): Buffer {
  return formatRequest(REQUEST.allocate, transaction, [
    [ATTRIBUTE.transport, Buffer.of(UDP, 0, 0, 0)],
    [ATTRIBUTE.lifetime, twoNumbers(0, LIFETIME_S)],
  ]);
}

/** Binds the one channel of an allocation to a peer; again, it renews it, and the peer's permission, which last 5 minutes. */
export function formatChannelBind(transaction: number, peer: { address: string; port: number }): Buffer {
  const address = Buffer.from([0, IPV4, 0, 0, ...peer.address.split('.').map(Number)]);
  address.writeUInt16BE(peer.port ^ (COOKIE >>> 16), 2);
  address.writeUInt32BE((address.readUInt32BE(4) ^ COOKIE) >>> 0, 4);
  return formatRequest(REQUEST.channelBind, transaction, [
    [ATTRIBUTE.channelNumber, twoNumbers(CHANNEL_FIRST, 0)],
    [ATTRIBUTE.peerAddress, address],
  ]);
}

/** @returns `undefined` for what is no answer of a server, or a refusal. */
export function parseTurnAnswer(bytes: Buffer): TurnAnswer | undefined {
  if (bytes.length < HEADER_SIZE || bytes.readUInt32BE(AT.cookie) !== COOKIE) return undefined;
  if ((bytes.readUInt16BE() & CLASS) !== SUCCESS) return undefined;
  return { transaction: bytes.readUInt32BE(AT.transaction), relayedPort: findRelayedPort(bytes) };
}

function findRelayedPort(bytes: Buffer): number | undefined {
  let at = HEADER_SIZE;
  while (at + 8 <= bytes.length) {
    const length = bytes.readUInt16BE(at + 2);
    if (bytes.readUInt16BE(at) === ATTRIBUTE.relayedAddress)
      return bytes.readUInt16BE(at + 6) ^ (COOKIE >>> 16);
    at += 4 + ((length + 3) & ~3);
  }
  return undefined;
}

/** Values are multiples of four bytes. */
function formatRequest(type: number, transaction: number, attributes: readonly [number, Buffer][]): Buffer {
  const body = Buffer.concat(
    attributes.flatMap(([attribute, value]) => [twoNumbers(attribute, value.length), value]),
  );
  const header = Buffer.alloc(HEADER_SIZE);
  twoNumbers(type, body.length).copy(header);
  header.writeUInt32BE(COOKIE, AT.cookie);
  header.writeUInt32BE(transaction, AT.transaction);
  return Buffer.concat([header, body]);
}

/** Of 16 bits each. */
function twoNumbers(first: number, second: number): Buffer {
  return Buffer.of(first >> 8, first & 0xff, second >> 8, second & 0xff);
}
