import { describe, expect, it } from 'vitest';
import { FORMATS, instant, shortFingerprint } from './format.ts';

describe('FORMATS', () => {
  it.each([
    { format: 'bitrate', value: 19_960_000, text: '20.0 Mbit/s' },
    { format: 'bitrate', value: 0, text: '0.0 Mbit/s' },
    { format: 'percent', value: 0.04, text: '0.0 %' },
    { format: 'percent', value: 100, text: '100.0 %' },
    { format: 'milliseconds', value: 0.42, text: '0.4 ms' },
    { format: 'milliseconds', value: 41.5, text: '42 ms' },
  ] as const)('writes $value as $text, and so does the script', async ({ format, value, text }) => {
    expect(FORMATS[format](value)).toBe(text);
    const script = (await import(new URL('./console.js', import.meta.url).href)) as {
      FORMATS: typeof FORMATS;
    };
    expect(script.FORMATS[format](value)).toBe(text);
    expect(Object.keys(script.FORMATS)).toEqual(Object.keys(FORMATS));
  });
});

describe('instant', () => {
  it('names the zone', () => {
    expect(instant('2026-02-03T04:05:06.000Z').text).toBe(
      '<time datetime="2026-02-03T04:05:06.000Z">2026-02-03 04:05 UTC</time>',
    );
  });
});

describe('shortFingerprint', () => {
  it('groups the digits that people compare', () => {
    expect(shortFingerprint('ab12cd34'.repeat(8))).toBe('ab12 cd34 ab12 cd34');
  });
});
