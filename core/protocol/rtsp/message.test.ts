import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readCapture } from '../../../test/support/captures.ts';
import {
  findHeader,
  formatRtspRequest,
  formatRtspResponse,
  parseRtspRequest,
  parseRtspResponse,
  readContentLength,
} from './message.ts';

interface PlainMessage {
  n: number;
  requestBase64: string;
  replyBase64: string;
}
interface PlainCapture {
  messages: PlainMessage[];
  resume?: { messages: PlainMessage[] };
}
interface EncryptedCapture {
  messages: { n: number; requestPlainBase64: string; replyPlainBase64: string }[];
}

const tenMbit = readCapture<PlainCapture>('rtsp-plain-10mbit');
const encrypted = readCapture<EncryptedCapture>('rtsp-encrypted');
const EXCHANGES = [
  ...tenMbit.messages.map((message) => ({ run: '10 Mbit/s', ...message })),
  ...(tenMbit.resume?.messages ?? []).map((message) => ({ run: 'resume', ...message })),
  ...readCapture<PlainCapture>('rtsp-plain-20mbit').messages.map((message) => ({
    run: '20 Mbit/s',
    ...message,
  })),
  ...encrypted.messages.map(({ n, requestPlainBase64, replyPlainBase64 }) => ({
    run: 'encrypted',
    n,
    requestBase64: requestPlainBase64,
    replyBase64: replyPlainBase64,
  })),
];
const METHODS = ['OPTIONS', 'DESCRIBE', 'SETUP', 'SETUP', 'SETUP', 'ANNOUNCE', 'PLAY'];

const text = (value: string): Uint8Array => Buffer.from(value, 'latin1');
const base64 = (value: string): Uint8Array => Buffer.from(value, 'base64');

const line = fc.string({
  unit: fc.integer({ min: 0x20, max: 0xff }).map((code) => String.fromCharCode(code)),
});
const printable = fc.string({
  unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
  minLength: 1,
});
const headerName = printable.filter((name) => !name.includes(':') && name.toLowerCase() !== 'content-length');
const header = fc.tuple(headerName, line);
const body = fc.uint8Array({ maxLength: 64 });

describe('the recorded messages', () => {
  it.each(EXCHANGES)('$run $n: request parses and formats to the same bytes', ({ n, requestBase64 }) => {
    const bytes = base64(requestBase64);
    const request = parseRtspRequest(bytes);
    expect(request?.method).toBe(METHODS[n - 1]);
    expect(findHeader(request?.headers ?? [], 'cseq')).toBe(String(n));
    expect(request && Buffer.from(formatRtspRequest(request)).equals(bytes)).toBe(true);
  });

  it.each(EXCHANGES)('$run $n: reply parses and formats to the same bytes', ({ n, replyBase64 }) => {
    const bytes = base64(replyBase64);
    const response = parseRtspResponse(bytes);
    expect(response?.status).toBe(200);
    expect(response?.headers[0]).toEqual(['CSeq', String(n)]);
    expect(response && Buffer.from(formatRtspResponse(response)).equals(bytes)).toBe(true);
  });

  it.each([
    { run: '10 Mbit/s', payload: "2uy,^{1nf'z~#9rN" },
    { run: 'resume', payload: "`'0fcY3s/X(brV*F" },
    { run: '20 Mbit/s', payload: "E-)Q&smDC'gN,BBr" },
  ])('$run: ping payload is the whole line', ({ run, payload }) => {
    const setups = EXCHANGES.filter(
      (exchange) => exchange.run === run && (exchange.n === 3 || exchange.n === 4),
    );
    for (const { replyBase64 } of setups) {
      const headers = parseRtspResponse(base64(replyBase64))?.headers ?? [];
      expect(findHeader(headers, 'X-SS-Ping-Payload')).toBe(payload);
    }
    expect(setups).toHaveLength(2);
  });
});

describe('parseRtspRequest', () => {
  it.each([
    { name: 'nothing', request: '' },
    { name: 'a head without its end', request: 'OPTIONS / RTSP/1.0\r\nCSeq: 1\r\n' },
    { name: 'another protocol', request: 'GET / HTTP/1.1\r\n\r\n' },
    { name: 'another version', request: 'OPTIONS / RTSP/2.0\r\n\r\n' },
    { name: 'a method in small letters', request: 'options / RTSP/1.0\r\n\r\n' },
    { name: 'two blanks', request: 'OPTIONS  / RTSP/1.0\r\n\r\n' },
    { name: 'a reply', request: 'RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n' },
    { name: 'a header without colon', request: 'OPTIONS / RTSP/1.0\r\nCSeq\r\n\r\n' },
    { name: 'a header without name', request: 'OPTIONS / RTSP/1.0\r\n: 1\r\n\r\n' },
    { name: 'a folded header', request: 'OPTIONS / RTSP/1.0\r\nA: 1\r\n B: 2\r\n\r\n' },
    { name: 'a lone line feed', request: 'OPTIONS / RTSP/1.0\r\nA: 1\nB: 2\r\n\r\n' },
    { name: 'a body without length', request: 'ANNOUNCE / RTSP/1.0\r\nCSeq: 6\r\n\r\nv=0' },
    { name: 'a short body', request: 'ANNOUNCE / RTSP/1.0\r\nContent-length: 4\r\n\r\nv=0' },
    { name: 'a long body', request: 'ANNOUNCE / RTSP/1.0\r\nContent-length: 2\r\n\r\nv=0' },
    {
      name: 'two lengths',
      request: 'ANNOUNCE / RTSP/1.0\r\nContent-length: 3\r\ncontent-length: 3\r\n\r\nv=0',
    },
    { name: 'a negative length', request: 'ANNOUNCE / RTSP/1.0\r\nContent-length: -3\r\n\r\nv=0' },
  ])('rejects $name', ({ request }) => {
    expect(parseRtspRequest(text(request))).toBeUndefined();
  });

  it('reads names of any case and values without a blank before them', () => {
    const request = parseRtspRequest(text('ANNOUNCE / RTSP/1.0\r\nCONTENT-LENGTH:3\r\n\r\nv=0'));
    expect(request?.headers).toEqual([['CONTENT-LENGTH', '3']]);
    expect(Buffer.from(request?.body ?? []).toString()).toBe('v=0');
  });

  it('never throws, whatever the bytes, and formats what it accepts', () => {
    const nearly = fc.tuple(
      fc.constantFrom('OPTIONS / RTSP/1.0\r\n', 'A'),
      fc.uint8Array(),
      fc.constantFrom('\r\n\r\n', ''),
    );
    const bytes = fc.oneof(
      fc.uint8Array(),
      nearly.map(([start, middle, end]) => Buffer.concat([text(start), middle, text(end)])),
    );
    fc.assert(
      fc.property(bytes, (message) => {
        const request = parseRtspRequest(message);
        if (request !== undefined) expect(parseRtspRequest(formatRtspRequest(request))).toEqual(request);
      }),
      { numRuns: 2000 },
    );
  });

  it('decodes what formatRtspRequest wrote', () => {
    const method = fc.stringMatching(/^[A-Z]{1,32}$/);
    fc.assert(
      fc.property(method, printable, fc.array(header), body, (name, target, others, content) => {
        const headers: [string, string][] = [...others, ['Content-length', String(content.length)]];
        const written = formatRtspRequest({ method: name, target, headers, body: content });
        const request = parseRtspRequest(written);
        expect(request).toMatchObject({ method: name, target, headers });
        expect(Buffer.from(content).equals(request?.body ?? Buffer.alloc(0))).toBe(true);
      }),
    );
  });
});

describe('parseRtspResponse', () => {
  it.each([
    { name: 'nothing', response: '' },
    { name: 'a reply without header, whose end clients do not see', response: 'RTSP/1.0 200 OK\r\n\r\n' },
    { name: 'an empty reason', response: 'RTSP/1.0 200 \r\nCSeq: 1\r\n\r\n' },
    { name: 'no reason', response: 'RTSP/1.0 200\r\nCSeq: 1\r\n\r\n' },
    { name: 'no number', response: 'RTSP/1.0 20x OK\r\nCSeq: 1\r\n\r\n' },
    { name: 'a request', response: 'OPTIONS / RTSP/1.0\r\nCSeq: 1\r\n\r\n' },
  ])('rejects $name', ({ response }) => {
    expect(parseRtspResponse(text(response))).toBeUndefined();
  });

  it('takes everything after the head as body, whatever Content-Length says', () => {
    const response = parseRtspResponse(text('RTSP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nabc'));
    expect(Buffer.from(response?.body ?? []).toString()).toBe('abc');
  });

  it('never throws, whatever the bytes, and formats what it accepts', () => {
    const bytes = fc.oneof(
      fc.uint8Array(),
      fc
        .tuple(fc.uint8Array(), fc.uint8Array())
        .map(([head, rest]) => Buffer.concat([text('RTSP/1.0 404 No\r\nA:'), head, text('\r\n\r\n'), rest])),
    );
    fc.assert(
      fc.property(bytes, (message) => {
        const response = parseRtspResponse(message);
        if (response !== undefined) expect(parseRtspResponse(formatRtspResponse(response))).toEqual(response);
      }),
      { numRuns: 2000 },
    );
  });

  it('decodes what formatRtspResponse wrote', () => {
    const status = fc.integer({ min: 100, max: 999 });
    const reason = line.filter((value) => value !== '');
    fc.assert(
      fc.property(
        status,
        reason,
        fc.array(header, { minLength: 1 }),
        body,
        (code, words, headers, content) => {
          const written = formatRtspResponse({ status: code, reason: words, headers, body: content });
          const response = parseRtspResponse(written);
          expect(response).toMatchObject({ status: code, reason: words, headers });
          expect(Buffer.from(content).equals(response?.body ?? Buffer.alloc(0))).toBe(true);
        },
      ),
    );
  });
});

describe('formatRtspResponse', () => {
  const response = { status: 200, reason: 'OK', headers: [['CSeq', '1'] as const], body: new Uint8Array() };

  it.each([
    { name: 'without headers', wrong: { headers: [] } },
    { name: 'without reason', wrong: { reason: '' } },
    { name: 'with a line end in a header', wrong: { headers: [['CSeq', '1\r\nX: 2'] as const] } },
  ])('refuses to write a reply $name', ({ wrong }) => {
    expect(() => formatRtspResponse({ ...response, ...wrong })).toThrow();
  });
});

describe('readContentLength', () => {
  it('is 0 without the header', () => {
    expect(readContentLength([['CSeq', '1']])).toBe(0);
  });

  it.each(['', 'x', '1x', '0x10', '123456789'])('refuses %j', (value) => {
    expect(readContentLength([['Content-length', value]])).toBeUndefined();
  });
});
