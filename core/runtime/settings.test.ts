import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { formatSettings, listSettings, wrap } from './settings.ts';

const Schema = z.object({
  BOX_PORT: z.coerce.number().default(80).describe('Where it listens.'),
  BOX_MODE: z.enum(['slow', 'fast']).default('slow').describe('How it runs.'),
  BOX_NAME: z.string().optional(),
  BOX_KEY: z.string(),
});

describe('listSettings', () => {
  it('tells names, defaults, meanings and values', () => {
    expect(listSettings(Schema)).toEqual([
      { name: 'BOX_PORT', standard: '80', isRequired: false, meaning: 'Where it listens.' },
      {
        name: 'BOX_MODE',
        standard: 'slow',
        isRequired: false,
        meaning: 'How it runs. One of slow, fast.',
      },
      { name: 'BOX_NAME', standard: undefined, isRequired: false, meaning: '' },
      { name: 'BOX_KEY', standard: undefined, isRequired: true, meaning: '' },
    ]);
  });
});

describe('formatSettings', () => {
  it('shows each with its default, or that it must be given', () => {
    expect(formatSettings(Schema, 30)).toBe(
      '  BOX_PORT (80)\n      Where it listens.\n  BOX_MODE (slow)\n      How it runs. One of\n      slow, fast.\n  BOX_NAME\n  BOX_KEY (required)\n',
    );
  });
});

describe('wrap', () => {
  it('keeps every word, in lines that are not too long', () => {
    const word = fc.string({ minLength: 1, maxLength: 12 }).filter((text) => !/\s/.test(text));
    fc.assert(
      fc.property(fc.array(word), (words) => {
        const text = wrap(words.join(' '), 20, '  ');
        expect(text.split(/\s+/).filter((part) => part !== '')).toEqual(words);
        for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(20);
      }),
    );
  });
});
