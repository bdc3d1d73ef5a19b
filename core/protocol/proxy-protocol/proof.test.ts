import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PROXY_PREFIX_BYTES, readProxyHeader } from './header.ts';
import { checkProof, deriveProofKey, PROOF_AGE_MS_MAX, writeProvenHeader } from './proof.ts';

const KEY = deriveProofKey(Buffer.alloc(32, 7));
const NOW = 1_795_000_000_123;
const CONNECTION = {
  source: { address: '203.0.113.7', port: 50_000 },
  destination: { address: '198.51.100.1', port: 48_010 },
};

function check(bytes: Uint8Array, { key = KEY, now = NOW } = {}) {
  const reading = readProxyHeader(bytes);
  return reading.kind === 'header'
    ? checkProof({ bytes, header: reading.header }, key, now).kind
    : reading.kind;
}

describe('checkProof', () => {
  const proven = writeProvenHeader(CONNECTION, KEY, NOW);

  it('takes what the relay wrote', () => {
    expect(check(proven)).toBe('good');
  });

  it('is good for its time only, early or late', () => {
    for (const off of [-PROOF_AGE_MS_MAX, PROOF_AGE_MS_MAX]) {
      expect(check(proven, { now: NOW + off })).toBe('good');
      expect(check(proven, { now: NOW + off + Math.sign(off) })).toBe('stale');
    }
  });

  it('is forged under another key, and with any byte changed', () => {
    expect(check(proven, { key: deriveProofKey(Buffer.alloc(32, 8)) })).toBe('forged');
    fc.assert(
      fc.property(fc.nat({ max: proven.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const bytes = Uint8Array.from(proven);
        bytes[at] = (bytes[at] ?? 0) ^ change;
        expect(check(bytes)).not.toBe('good');
      }),
    );
  });

  it('is none where the last TLV is another one, or nothing', () => {
    const after = Buffer.concat([proven, Buffer.of(4, 0, 0)]);
    after.writeUInt16BE(after.length - PROXY_PREFIX_BYTES, 14);
    expect(check(after)).toBe('none');
    const without = proven.slice(0, 28);
    without[15] = 12;
    expect(check(without)).toBe('none');
  });

  it('names one header by its mac', () => {
    const macOf = (now: number) => {
      const bytes = writeProvenHeader(CONNECTION, KEY, now);
      const reading = readProxyHeader(bytes);
      return reading.kind === 'header' ? checkProof({ bytes, header: reading.header }, KEY, NOW) : reading;
    };
    expect(macOf(NOW)).toEqual(macOf(NOW));
    expect(macOf(NOW)).not.toEqual(macOf(NOW + 1));
  });
});
