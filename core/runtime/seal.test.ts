import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSealer } from './seal.ts';

const sealer = createSealer(randomBytes(32));
const BROKEN = expect.objectContaining({ code: 'SEAL_BROKEN' }) as Error;

describe('createSealer', () => {
  it('opens what it sealed', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (secret) => {
        expect(new Uint8Array(sealer.open(sealer.seal(secret)))).toEqual(secret);
      }),
    );
  });

  it('writes URL-safe text that differs each time and does not hold the secret', () => {
    const secret = Buffer.from('planted-secret');
    const sealed = Array.from({ length: 100 }, () => sealer.seal(secret));
    expect(new Set(sealed).size).toBe(100);
    for (const text of sealed) {
      expect(text).toMatch(/^[\w-]+$/);
      expect(Buffer.from(text, 'base64url').includes(secret)).toBe(false);
    }
  });

  it('refuses a text in which any byte was changed or cut off', () => {
    const bytes = Buffer.from(sealer.seal(Buffer.from('secret')), 'base64url');
    for (const index of bytes.keys()) {
      const changed = Buffer.from(bytes);
      changed.writeUInt8(changed.readUInt8(index) ^ 1, index);
      expect(() => sealer.open(changed.toString('base64url'))).toThrow(BROKEN);
      expect(() => sealer.open(bytes.subarray(0, index).toString('base64url'))).toThrow(BROKEN);
    }
  });

  it('refuses any other text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 100 }), (text) => {
        expect(() => sealer.open(text)).toThrow(BROKEN);
      }),
    );
  });

  it('refuses what another deployment key sealed', () => {
    const sealed = createSealer(randomBytes(32)).seal(Buffer.from('secret'));
    expect(() => sealer.open(sealed)).toThrow(BROKEN);
  });

  it.each([0, 16, 31, 33])('refuses a key of %i bytes, without showing it', (size) => {
    const invalid = expect.objectContaining({ code: 'CONFIG_INVALID', details: { bytes: size } }) as Error;
    expect(() => createSealer(new Uint8Array(size))).toThrow(invalid);
  });
});
