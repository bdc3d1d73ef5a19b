import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalAddress } from '../../runtime/address.ts';
import { PROXY_HEADER_BYTES_MAX, readProxyHeader, tlvBytes, writeProxyHeader, writeTlv } from './header.ts';

/** The example of the specification's layout, byte by byte: 203.0.113.7:50000 to 198.51.100.1:48010. */
const IPV4_HEADER = Buffer.from(
  '0d0a0d0a000d0a515549540a' + '21' + '11' + '000c' + 'cb007107c6336401c350bb8a',
  'hex',
);

const endpoint = (ip: fc.Arbitrary<string>) =>
  fc.record({ address: ip.map(canonicalAddress), port: fc.integer({ min: 0, max: 65_535 }) });
const anyEndpoint = fc.oneof(endpoint(fc.ipV4()), endpoint(fc.ipV6()));

function headerOf(bytes: Uint8Array) {
  const reading = readProxyHeader(bytes);
  if (reading.kind !== 'header') throw new Error(`read as ${reading.kind}`);
  return reading.header;
}

describe('readProxyHeader', () => {
  it('reads a header by the letter of the specification, and leaves what follows', () => {
    const header = headerOf(Buffer.concat([IPV4_HEADER, Buffer.from('OPTIONS rtsp://x RTSP/1.0')]));
    expect(header).toEqual({
      length: 28,
      connection: {
        source: { address: '203.0.113.7', port: 50_000 },
        destination: { address: '198.51.100.1', port: 48_010 },
      },
      tlvs: [],
    });
  });

  it('asks for more while a header is cut anywhere', () => {
    for (let length = 0; length < IPV4_HEADER.length; length += 1) {
      expect(readProxyHeader(IPV4_HEADER.subarray(0, length))).toEqual({
        kind: 'incomplete',
        bytesWanted: length < 16 ? 16 : 28,
      });
    }
  });

  it.each([
    ['HTTP', Buffer.from('GET /serverinfo HTTP/1.1\r\n')],
    ['a TLS ClientHello', Buffer.from('16030100c8010000c4', 'hex')],
    ['a header of version 1', Buffer.from('PROXY TCP4 203.0.113.7 198.51.100.1 50000 48010\r\n')],
  ])('finds none in %s', (_what, bytes) => {
    expect(readProxyHeader(bytes)).toEqual({ kind: 'absent' });
  });

  it.each([
    ['another version', 12, 0x31],
    ['an unknown command', 12, 0x22],
    ['a body that is too short for its family', 13, 0x21],
    ['a length beyond what is read', 14, 0xff],
  ])('refuses %s', (_what, offset, value) => {
    const bytes = Buffer.from(IPV4_HEADER);
    bytes[offset] = value;
    expect(readProxyHeader(bytes)).toEqual({ kind: 'malformed' });
  });

  it.each([
    ['LOCAL', 12, 0x20],
    ['UNSPEC', 13, 0x00],
    ['UDP', 13, 0x12],
    ['a Unix socket', 13, 0x31],
  ])('reads no connection from %s', (_what, offset, value) => {
    const bytes = Buffer.from(IPV4_HEADER);
    bytes[offset] = value;
    expect(headerOf(bytes)).toEqual({ length: 28, tlvs: [] });
  });

  it('refuses a TLV that reaches beyond the header', () => {
    const source = { address: '203.0.113.7', port: 1 };
    const bytes = writeProxyHeader(source, source, tlvBytes(4));
    writeTlv(bytes, 28, { type: 4, value: new Uint8Array(4) });
    expect(headerOf(bytes).tlvs).toHaveLength(1);
    bytes[30] = 5;
    expect(readProxyHeader(bytes)).toEqual({ kind: 'malformed' });
  });

  it('never throws, and answers one of its kinds, whatever comes', () => {
    const mutated = fc
      .tuple(fc.uint8Array({ maxLength: 64 }), fc.nat({ max: 60 }), fc.boolean())
      .map(([noise, at, isWhole]) => {
        const bytes = Buffer.concat([IPV4_HEADER, noise]);
        if (!isWhole) bytes[at % bytes.length] = noise[0] ?? 0;
        return bytes;
      });
    fc.assert(
      fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: PROXY_HEADER_BYTES_MAX })), (bytes) => {
        const reading = readProxyHeader(bytes);
        if (reading.kind === 'header') expect(reading.header.length).toBeLessThanOrEqual(bytes.length);
        if (reading.kind === 'incomplete') expect(reading.bytesWanted).toBeGreaterThan(bytes.length);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('writeProxyHeader', () => {
  it('writes the bytes of the specification', () => {
    const bytes = writeProxyHeader(
      { address: '203.0.113.7', port: 50_000 },
      { address: '198.51.100.1', port: 48_010 },
      0,
    );
    expect(Buffer.from(bytes).toString('hex')).toBe(IPV4_HEADER.toString('hex'));
  });

  it('is read back as it was written, for every pair of addresses', () => {
    fc.assert(
      fc.property(anyEndpoint, anyEndpoint, (source, destination) => {
        const { connection } = headerOf(writeProxyHeader(source, destination, 0));
        expect(canonicalAddress(connection?.source.address ?? '')).toBe(source.address);
        expect(canonicalAddress(connection?.destination.address ?? '')).toBe(destination.address);
        expect([connection?.source.port, connection?.destination.port]).toEqual([
          source.port,
          destination.port,
        ]);
      }),
    );
  });

  it('drops a zone', () => {
    const source = { address: 'fe80::1%eth0', port: 1 };
    expect(headerOf(writeProxyHeader(source, source, 0)).connection?.source.address).toBe(
      'fe80:0:0:0:0:0:0:1',
    );
  });
});
