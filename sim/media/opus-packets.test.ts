import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseOpusPackets, writeOpusPackets } from './opus-packets.ts';

describe('parseOpusPackets', () => {
  it('reads what writeOpusPackets wrote', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 })), (packets) => {
        const opus = { channels: 6, packetDurationMs: 5, surroundParams: '642014235', packets };
        const parsed = parseOpusPackets(writeOpusPackets(opus));
        expect(parsed?.packets.map((packet) => [...packet])).toEqual(packets.map((packet) => [...packet]));
        expect(parsed).toMatchObject({ channels: 6, packetDurationMs: 5, surroundParams: '642014235' });
      }),
    );
  });

  it('refuses a file that was cut', () => {
    const whole = {
      channels: 2,
      packetDurationMs: 10,
      surroundParams: '21101',
      packets: [new Uint8Array(9)],
    };
    const file = writeOpusPackets(whole);
    expect(parseOpusPackets(file)).toBeDefined();
    expect(parseOpusPackets(file.subarray(0, -1))).toBeUndefined();
  });

  it('never throws, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (tail) => {
        parseOpusPackets(tail);
        parseOpusPackets(Buffer.concat([Buffer.from('GOP1'), tail]));
      }),
    );
  });
});
