import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitLines } from './split-lines.ts';

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield await Promise.resolve(bytes.subarray(at, at + size));
}
async function split(text: string, size: number, max = 100): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of splitLines(pieces(new TextEncoder().encode(text), size), max)) lines.push(line);
  return lines;
}

describe('splitLines', () => {
  it('finds the same lines wherever the text is cut, within a character too', async () => {
    const line = fc.string({ unit: fc.constantFrom('a', 'ü', '漢', '🐺'), maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(fc.array(line), fc.integer({ min: 1, max: 9 }), async (lines, size) => {
        expect(await split(lines.map((each) => `${each}\n`).join(''), size)).toEqual(lines);
      }),
    );
  });

  it('refuses a line that is too long, and one that is not whole', async () => {
    await expect(split('a'.repeat(50), 10, 20)).rejects.toThrow('too long');
    await expect(split('a\nb', 10)).rejects.toThrow('not whole');
  });
});
