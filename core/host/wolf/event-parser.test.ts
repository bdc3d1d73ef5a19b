import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readCapture } from '../../../test/support/captures.ts';
import { EventStreamParser, type ServerSentEvent } from './event-parser.ts';

interface Recording {
  rawChunks: { direction: string; text: string }[];
  /** A comment has no `event`. */
  events: { event?: string; data?: unknown }[];
}

const sse = readCapture<Record<'wholeSession' | 'apiDrivenSession' | 'pairing', Recording>>('sse');
const recordings = (['wholeSession', 'apiDrivenSession', 'pairing'] as const).map((name) => {
  const { rawChunks, events } = sse[name];
  // The first answer is the head of the HTTP reply.
  const chunks = rawChunks.filter(({ direction }) => direction === 'response').slice(1);
  const expected = events
    .filter(({ event }) => event !== undefined)
    .map(({ event, data }) => ({ event, data }));
  return { name, chunks: chunks.map(({ text }) => Buffer.from(text)), expected };
});

function parse(chunks: readonly Uint8Array[], parser = new EventStreamParser()): ServerSentEvent[] {
  return chunks.flatMap((chunk) => parser.push(chunk));
}

/** `bytes` in pieces that end at `offsets`. */
function cut(bytes: Uint8Array, offsets: readonly number[]): Uint8Array[] {
  const ends = [...new Set([...offsets, bytes.length])].sort((one, other) => one - other);
  return ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
}

const decoded = (events: ServerSentEvent[]): unknown[] =>
  events.map(({ name, data }) => ({ event: name, data: JSON.parse(data) as unknown }));

describe('EventStreamParser', () => {
  it.each(recordings)('reads $name as it was recorded', ({ chunks, expected }) => {
    expect(expected.length).toBeGreaterThan(0);
    expect(decoded(parse(chunks))).toEqual(expected);
  });

  it.each(recordings)('reads $name in chunks of any size', ({ chunks, expected }) => {
    const bytes = Buffer.concat(chunks);
    const offset = fc.nat(bytes.length);
    fc.assert(
      fc.property(fc.array(offset, { maxLength: 40 }), (offsets) => {
        expect(decoded(parse(cut(bytes, offsets)))).toEqual(expected);
      }),
    );
    expect(decoded(parse(Array.from(bytes, (byte) => Uint8Array.of(byte))))).toEqual(expected);
  });

  it('reads what was written, with any text, in any chunks', () => {
    const word = fc.string({ unit: 'grapheme', maxLength: 20 }).filter((text) => !/[\r\n]/.test(text));
    const event = fc.record({ name: word, data: word });
    fc.assert(
      fc.property(fc.array(event), fc.array(fc.nat(400)), (events, offsets) => {
        const text = events
          .map(({ name, data }) => `event: ${name}\ndata: ${data}\n\n`)
          .join(':keepalive\n\n');
        const bytes = Buffer.from(text);
        expect(
          parse(
            cut(
              bytes,
              offsets.filter((each) => each < bytes.length),
            ),
          ),
        ).toEqual(events);
      }),
    );
  });

  it('never throws, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 })), (chunks) => {
        for (const { name, data } of parse(chunks)) expect(typeof name + typeof data).toBe('stringstring');
      }),
    );
  });

  it('joins several data lines and takes carriage returns for part of the line end', () => {
    expect(parse([Buffer.from('event: a\r\ndata: 1\r\ndata:2\r\n\r\n')])).toEqual([
      { name: 'a', data: '1\n2' },
    ]);
  });

  it.each([
    { name: 'one endless line', flood: 'data: '.padEnd(5_000, 'x') },
    { name: 'lines without an end of the event', flood: 'data: 0123456789\n'.repeat(500) },
  ])('drops $name, keeps little of it, and goes on after the next blank line', ({ flood }) => {
    const parser = new EventStreamParser(1_000);
    for (let count = 0; count < 10; count += 1) expect(parser.push(Buffer.from(flood))).toEqual([]);
    expect(parse([Buffer.from('\n\nevent: a\ndata: 1\n\n')], parser)).toEqual([{ name: 'a', data: '1' }]);
  });
});
