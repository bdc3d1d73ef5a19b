import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hex } from '../../test/support/captures.ts';
import { imageType } from './image.ts';

describe('imageType', () => {
  it.each([
    { type: 'image/png', bytes: '89504e470d0a1a0a 0000000d' },
    { type: 'image/jpeg', bytes: 'ffd8ff e000104a46' },
    { type: 'image/webp', bytes: '52494646 24000000 57454250 56503820' },
    { type: undefined, bytes: '' },
    { type: undefined, bytes: '89504e47' },
    { type: undefined, bytes: '52494646 24000000 57415645' },
    { type: undefined, bytes: '3c3f786d6c' },
  ])('knows $type', ({ type, bytes }) => {
    expect(imageType(hex(bytes))).toBe(type);
  });

  it('takes any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 16 }), (bytes) => {
        expect([undefined, 'image/png', 'image/jpeg', 'image/webp']).toContain(imageType(bytes));
      }),
    );
  });
});
