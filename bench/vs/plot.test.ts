import { XMLParser } from 'fast-xml-parser';
import { describe, expect, it } from 'vitest';
import { plotRatios, type Bar } from './plot.ts';

const spread = (median: number): Bar['pacedRatio'] => ({ median, min: median, max: median });
const bar = (title: string, paced: number, saturated: number, name = 'other'): Bar => ({
  name,
  title,
  pacedRatio: spread(paced),
  saturatedRatio: spread(saturated),
});

interface Svg {
  svg: { text: { '#text': string }[]; rect: { '@width': string; '@fill': string }[] };
}

function read(svg: string): Svg {
  const parser = new XMLParser({
    ignoreAttributes: false,
    attributeNamePrefix: '@',
    parseTagValue: false,
    alwaysCreateTextNode: true,
  });
  return parser.parse(svg) as Svg;
}

describe('plotRatios', () => {
  it('draws bars in proportion, with their values', () => {
    const { svg } = read(plotRatios([bar('limit', 1, 1), bar('ours', 2, 0.5, 'relay-neigh')], 'caption'));
    const widths = svg.rect.map((rect) => Number(rect['@width']));
    expect(widths).toEqual([widths[0], widths[0], 2 * (widths[0] ?? NaN), (widths[0] ?? NaN) / 2]);
    expect(svg.rect[2]?.['@fill']).not.toBe(svg.rect[0]?.['@fill']);
    expect(svg.text.map((text) => text['#text'])).toEqual(
      expect.arrayContaining(['limit', 'ours', '1.00', '2.00', '0.50', 'caption']),
    );
  });

  it('leaves out what could not be measured', () => {
    const { svg } = read(plotRatios([bar('limit', 1, 1), bar('lost', NaN, NaN)], ''));
    expect(svg.rect).toHaveLength(2);
  });

  it('escapes what is text', () => {
    const { svg } = read(plotRatios([bar('a < b & c', 1, 1)], ''));
    expect(svg.text.map((text) => text['#text'])).toContain('a < b & c');
  });
});
