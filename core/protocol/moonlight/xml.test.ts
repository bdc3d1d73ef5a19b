import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readCapture } from '../../../test/support/captures.ts';
import { parseMoonlightXml, writeApplist, writeXml } from './xml.ts';

interface Exchange {
  id: string;
  response: { statusLine: string; body: string } | null;
}
const EXCHANGES = [
  ...readCapture<{ groups: { exchanges: Exchange[] }[] }>('http').groups,
  ...readCapture<{ runs: { exchanges: Exchange[] }[] }>('pairing').runs,
].flatMap(({ exchanges }) => exchanges);
const ANSWERS = EXCHANGES.flatMap(({ id, response }) => (response === null ? [] : [{ id, ...response }]));

function answerOf(id: string): string {
  const answer = ANSWERS.find((candidate) => candidate.id === id);
  if (answer === undefined) throw new Error(`no answer ${id}`);
  return answer.body;
}

describe('the recorded answers', () => {
  it.each(ANSWERS)('$id: parses, and says the status of HTTP', ({ statusLine, body }) => {
    const [, status] = /^HTTP\/1\.1 (\d+)/.exec(statusLine) ?? [];
    expect(parseMoonlightXml(body)?.statusCode).toBe(Number(status));
  });

  it('10mbit-launch and -resume: fields, and the same bytes back', () => {
    for (const [id, last] of [
      ['10mbit-launch', 'gamesession'],
      ['10mbit-resume', 'resume'],
    ] as const) {
      const body = answerOf(id);
      const xml = parseMoonlightXml(body);
      expect(xml?.fields['sessionUrl0']).toMatch(/^rtsp:\/\/[\d.]+:48010$/);
      expect(xml?.fields[last]).toBe('1');
      expect(writeXml(200, xml?.fields ?? {})).toBe(body);
    }
  });

  it('applist: apps, and the same bytes back', () => {
    const bodies = ANSWERS.map(({ body }) => body).filter((body) => body.includes('<App>'));
    for (const body of bodies) {
      const apps = parseMoonlightXml(body)?.apps ?? [];
      expect(apps).toEqual([
        { id: 378473508, title: 'Test ball', isHdrSupported: false },
        { id: 1788903683, title: 'Test desktop', isHdrSupported: false },
        { id: 1252336568, title: 'Test exit 20s', isHdrSupported: false },
        { id: 379098704, title: 'Test snow', isHdrSupported: false },
      ]);
      expect(writeApplist(apps)).toBe(body);
    }
    expect(bodies.length).toBeGreaterThan(0);
  });

  it('serverinfo: flat fields; the nested ones are left out', () => {
    const body = ANSWERS.map((answer) => answer.body).find((text) => text.includes('SERVER_BUSY')) ?? '';
    expect(parseMoonlightXml(body)?.fields).toEqual({
      hostname: 'Wolf-70',
      appversion: '7.1.431.-1',
      GfeVersion: '3.23.0.74',
      uniqueid: '4ade85a2-2e8b-46d7-a944-8ebdfafeb4a7',
      MaxLumaPixelsHEVC: '0',
      ServerCodecModeSupport: '1',
      HttpsPort: '47984',
      ExternalPort: '47989',
      mac: '02:77:00:00:00:46',
      LocalIP: '10.77.0.80',
      PairStatus: '1',
      currentgame: '1788903683',
      state: 'SUNSHINE_SERVER_BUSY',
    });
  });

  it('wrong PIN: the message', () => {
    expect(parseMoonlightXml(answerOf('pair-4-clientpairingsecret'))?.statusCode).toBe(200);
    const refused = ANSWERS.find(({ body }) => body.includes('Invalid client hash'))?.body ?? '';
    expect(parseMoonlightXml(refused)).toEqual({
      statusCode: 400,
      statusMessage: 'Invalid client hash',
      fields: { paired: '0' },
      apps: [],
    });
    expect(writeXml(400, { paired: 0 }, { statusMessage: 'Invalid client hash' })).toBe(refused);
  });
});

describe('parseMoonlightXml', () => {
  it.each([
    { name: 'nothing', text: '' },
    { name: 'no XML', text: 'not found' },
    { name: 'another root', text: '<html status_code="200"></html>' },
    { name: 'no status', text: '<root><a>1</a></root>' },
    { name: 'a status that is no number', text: '<root status_code="ok"></root>' },
    {
      name: 'two answers',
      text: '<root status_code="200"></root>HTTP/1.1 400\r\n\r\n<root status_code="400"/>',
    },
    { name: 'deep nesting', text: `<root status_code="200">${'<a>'.repeat(1000)}` },
    {
      name: 'a document type',
      text: '<!DOCTYPE root [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><root status_code="200"><x>&b;</x></root>',
    },
    { name: 'more than 2^20 characters', text: `<root status_code="200"></root>${' '.repeat(1 << 20)}` },
  ])('refuses $name', ({ text }) => {
    expect(parseMoonlightXml(text)).toBeUndefined();
  });

  it('takes the first of several, and lists every app as it stands', () => {
    const text =
      '<root status_code="-1" status_message="a &amp; b"><a>1</a><a>2</a><b/><App>x</App>' +
      '<App><ID>x</ID></App><App><AppTitle>&lt;T&gt; &apos;&quot;</AppTitle><ID>5</ID><IsHdrSupported>1</IsHdrSupported></App></root>';
    expect(parseMoonlightXml(text)).toEqual({
      statusCode: -1,
      statusMessage: 'a & b',
      fields: { a: '1', b: '', App: 'x' },
      apps: [
        { id: 0, title: '', isHdrSupported: false },
        { id: 0, title: '', isHdrSupported: false },
        { id: 5, title: `<T> '"`, isHdrSupported: true },
      ],
    });
  });

  it('reads numbered characters, once', () => {
    const title = '&#32;&#x41;&#66; &amp;#67;';
    const text = `<root status_code="200"><App><AppTitle>${title}</AppTitle><ID>1</ID></App></root>`;
    expect(parseMoonlightXml(text)?.apps).toEqual([{ id: 1, title: ' AB &#67;', isHdrSupported: false }]);
  });

  it('never throws, whatever the text', () => {
    const piece = fc.constantFrom(
      '<',
      '>',
      '/',
      'root',
      '<root status_code="200">',
      '</root>',
      '<App>',
      '&',
      '&amp;',
      '<![CDATA[',
      ']]>',
      '<!--',
      '"',
      '<?xml',
      '__proto__',
      'x',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(piece).map((pieces) => pieces.join('')),
        ),
        (text) => {
          const xml = parseMoonlightXml(text);
          if (xml !== undefined) expect(Number.isInteger(xml.statusCode)).toBe(true);
        },
      ),
      { numRuns: 2000 },
    );
  });
});

/** Text as a person's, in one line, without blanks at its ends. */
const text = fc
  .string({ unit: 'binary' })
  .map((value) => value.replace(/[^\x20-\ud7ff\ue000-\ufffd]/gu, '').trim());

describe('writeXml', () => {
  it('writes what parseMoonlightXml reads', () => {
    const name = fc
      .stringMatching(/^[A-Za-z]\w{0,20}$/)
      .filter((value) => value !== 'App' && !(value in Object.prototype));
    const fields = fc.dictionary(name, text, { noNullPrototype: true });
    fc.assert(
      fc.property(fc.integer({ min: -1, max: 999 }), fields, text, (statusCode, values, statusMessage) => {
        const xml = parseMoonlightXml(writeXml(statusCode, values, { statusMessage }));
        expect(xml).toEqual({ statusCode, statusMessage, fields: values, apps: [] });
      }),
    );
  });

  it('writes no markup and no control character of a value', () => {
    expect(writeXml(500, { a: '<b>\r\n\0' }, { statusMessage: '"&\ud800' })).toBe(
      '<?xml version="1.0" encoding="utf-8"?>\n<root status_code="500" status_message="&quot;&amp; "><a>&lt;b&gt;   </a></root>',
    );
  });

  it('refuses a name that is none', () => {
    expect(() => writeXml(200, { 'a b': 1 })).toThrow();
  });
});

describe('writeApplist', () => {
  it('writes what parseMoonlightXml reads', () => {
    const app = fc.record({
      id: fc.integer({ min: 1, max: 0x7fff_ffff }),
      title: text,
      isHdrSupported: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(app), (apps) => {
        expect(parseMoonlightXml(writeApplist(apps))?.apps).toEqual(apps);
      }),
    );
  });
});
