import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ID_MAX, parseMoonlightXml, writeApplist, type MoonlightApp } from '../protocol/moonlight/xml.ts';
import { APPS_MAX, describeLeftOut, readOffer, TITLE_MAX_CHARACTERS } from './offer.ts';

const app = (title: string, id = 7): MoonlightApp => ({ id, title, isHdrSupported: false });
const titlesOf = (said: MoonlightApp[]): string[] => readOffer(said).apps.map(({ title }) => title);

/** What XML holds, but for control characters. */
const FIT = /^[\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]+$/u;

function isFit({ id, title }: MoonlightApp): boolean {
  const isTitle = title.length <= TITLE_MAX_CHARACTERS && title === title.trim() && FIT.test(title);
  return isTitle && Number.isInteger(id) && id >= 1 && id <= ID_MAX;
}

describe('readOffer', () => {
  it('leaves good apps as they are, in their order', () => {
    const said = [app('Zelda', 3), { ...app('Pokémon ☃ 👩‍🚀', ID_MAX), isHdrSupported: true }, app('A  B', 1)];
    expect(readOffer(said)).toEqual({ apps: said, leftOut: {} });
  });

  it.each([
    { name: 'nothing', title: '' },
    { name: 'blanks', title: ' \t\n\u00a0\u3000' },
    { name: 'control characters', title: '\0\x1b\x7f\x9f' },
    { name: 'halves of characters', title: '\ud800\udc00\ud800'.slice(2) },
    { name: 'what takes no room', title: '\u200b\u200d\u2060\ufeff\u00ad' },
    { name: 'letters that are blank', title: '\u3164\u2800\u115f' },
    { name: 'what is no character', title: '\ufffe\uffff' },
  ])('leaves out a title of $name', ({ title }) => {
    expect(readOffer([app(title), app('Doom')])).toEqual({ apps: [app('Doom')], leftOut: { noTitle: 1 } });
  });

  it.each([
    { said: ' Doom\r\n', title: 'Doom' },
    { said: 'Do\0om', title: 'Do om' },
    { said: 'Doom\ud83d', title: 'Doom' },
    { said: 'x'.repeat(300), title: 'x'.repeat(255) },
    { said: `${'x'.repeat(254)}😀`, title: 'x'.repeat(254) },
    { said: `${'x'.repeat(253)}😀`, title: `${'x'.repeat(253)}😀` },
    { said: `${'x'.repeat(250)}${' '.repeat(9)}y`, title: 'x'.repeat(250) },
  ])('makes $title of what is torn, unfit or longer', ({ said, title }) => {
    expect(titlesOf([app(said)])).toEqual([title]);
  });

  it.each([0, -1, -ID_MAX, ID_MAX + 1, 9_999_999_999, 1.5, NaN, Infinity])('leaves out id %d', (id) => {
    expect(readOffer([app('Doom', id), app('Quake')])).toEqual({
      apps: [app('Quake')],
      leftOut: { badId: 1 },
    });
  });

  it('takes each title once', () => {
    expect(readOffer([app('Doom', 1), app('Doom ', 2)])).toEqual({
      apps: [app('Doom', 1)],
      leftOut: { sameTitle: 1 },
    });
  });

  it('takes no more than clients can show, of a hundred thousand', () => {
    const said = Array.from({ length: 100_000 }, (_, index) => app(`Game ${index}`, index + 1));
    const { apps, leftOut } = readOffer(said);
    expect(apps).toEqual(said.slice(0, APPS_MAX));
    expect(leftOut).toEqual({ tooMany: 100_000 - APPS_MAX });
  });

  it('makes of anything what every client can take, and counts the rest', () => {
    const short = fc.string({ unit: 'binary', maxLength: 12 });
    const title = fc.oneof(
      short,
      short.map((text) => text.repeat(40)),
      fc.array(fc.nat({ max: 0xffff }), { maxLength: 9 }).map((units) => String.fromCharCode(...units)),
      fc.constantFrom('', ' ', 'Doom', '\0', '\u200b'),
    );
    const id = fc.oneof(fc.integer(), fc.integer({ min: 1, max: 9 }), fc.double());
    const said = fc.array(fc.record({ id, title, isHdrSupported: fc.boolean() }), { maxLength: 8 });
    fc.assert(
      fc.property(said, (list) => {
        const { apps, leftOut } = readOffer(list);
        expect(apps.filter((one) => !isFit(one))).toEqual([]);
        expect(new Set(apps.map((one) => one.title)).size).toBe(apps.length);
        const left = Object.values(leftOut).reduce((sum, count) => sum + count, 0);
        expect(apps.length + left).toBe(list.length);
        // What is written is read back unchanged, and nothing more is left out.
        expect(readOffer(parseMoonlightXml(writeApplist(apps))?.apps ?? [])).toEqual({ apps, leftOut: {} });
      }),
      { numRuns: 100 },
    );
  }, 30_000);
});

describe('describeLeftOut', () => {
  it('says how many and why', () => {
    expect(describeLeftOut({ noTitle: 2, badId: 1, sameTitle: 3, tooMany: 9 })).toEqual([
      '2 apps left out: no title',
      '1 app left out: no usable id',
      '3 apps left out: the same title as another',
      '9 apps left out: more than 1000',
    ]);
    expect(describeLeftOut({})).toEqual([]);
  });
});
