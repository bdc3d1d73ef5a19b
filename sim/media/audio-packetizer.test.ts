import { describe, expect, it } from 'vitest';
import { openAudio } from '../../core/protocol/rtp/audio.ts';
import { hex } from '../../test/support/captures.ts';
import { readMediaSession } from '../../test/support/media-captures.ts';
import { AudioPacketizer } from './audio-packetizer.ts';

const RTP_HEADER_SIZE = 12;
const textOf = (bytes: Uint8Array = new Uint8Array()) => Buffer.from(bytes).toString('hex');

describe('AudioPacketizer', () => {
  it.each(['wolf10mbit', 'wolfAudioEncrypted'])(
    'makes the recorded datagrams out of their Opus: %s',
    (name) => {
      const { audio, rikey, rikeyid } = readMediaSession(name);
      const isEncrypted = name === 'wolfAudioEncrypted';
      const packetizer = new AudioPacketizer({
        packetDurationMs: 5,
        ...(isEncrypted && { encryption: { key: rikey, rikeyid } }),
      });
      const made = audio
        .filter(({ header }) => header.kind === 'data')
        .map((datagram) =>
          isEncrypted ? hex(datagram.decryptedOpusHex ?? '') : hex(datagram.hex).subarray(RTP_HEADER_SIZE),
        )
        .flatMap((opus) => packetizer.packetize(opus))
        .map(textOf);
      expect(made.length).toBeGreaterThan(10);
      expect(made.slice(0, audio.length)).toEqual(
        audio.map((datagram) => datagram.hex).slice(0, made.length),
      );
    },
  );

  it('wraps its numbers', () => {
    const key = Buffer.alloc(16, 1);
    const packetizer = new AudioPacketizer({ packetDurationMs: 10, encryption: { key, rikeyid: -1 } });
    for (let count = 0; count < 0x1_0000; count++) packetizer.packetize(Uint8Array.of(1));
    const [datagram = new Uint8Array()] = packetizer.packetize(Uint8Array.of(7));
    expect(textOf(datagram.subarray(0, 8))).toBe('80610000000a0000');
    const opened = openAudio(datagram.subarray(RTP_HEADER_SIZE), { key, rikeyid: -1, sequenceNumber: 0 });
    expect(textOf(opened)).toBe('07');
  });
});
