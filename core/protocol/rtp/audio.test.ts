import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hex } from '../../../test/support/captures.ts';
import { readMediaSession } from '../../../test/support/media-captures.ts';
import {
  AUDIO_FEC_HEADER_SIZE,
  openAudio,
  parseAudioFecHeader,
  PAYLOAD_TYPE_AUDIO,
  PAYLOAD_TYPE_AUDIO_FEC,
  sealAudio,
  writeAudioFecHeader,
} from './audio.ts';
import { parseRtpHeader, RTP_HEADER_SIZE } from './header.ts';

const WOLF = ['wolf10mbit', 'wolfAudioEncrypted'].flatMap((name) => readMediaSession(name).audio);
const ENCRYPTED = ['wolfAudioEncrypted', 'fakeHostEncrypted'].flatMap((name) => {
  const { rikey, rikeyid, audio } = readMediaSession(name);
  return audio.flatMap((recorded) =>
    recorded.decryptedOpusHex === undefined
      ? []
      : [{ datagram: hex(recorded.hex), opusHex: recorded.decryptedOpusHex, key: rikey, rikeyid }],
  );
});

const KEY = hex('000102030405060708090a0b0c0d0e0f');
const plain = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes).toString('hex');
const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const u8 = fc.integer({ min: 0, max: 0xff });

describe('recorded audio datagrams', () => {
  it('are data or parity, as their payload type says', () => {
    for (const { hex: text, header } of WOLF) {
      const type = header.kind === 'FEC' ? PAYLOAD_TYPE_AUDIO_FEC : PAYLOAD_TYPE_AUDIO;
      expect(parseRtpHeader(hex(text))?.payloadType).toBe(type);
    }
  });

  it('with parity decode to the recorded header, and encode to the same bytes', () => {
    const parities = WOLF.filter(({ header }) => header.kind === 'FEC');
    expect(parities.length).toBe(12);
    for (const { hex: text, header } of parities) {
      const payload = hex(text).subarray(RTP_HEADER_SIZE);
      const { fecShardIndex: shardIndex, ...rest } = header.fec ?? { fecShardIndex: -1 };
      const parsed = parseAudioFecHeader(payload);
      expect(parsed).toEqual({ shardIndex, ...rest });
      if (parsed === undefined) continue;

      const target = new Uint8Array(AUDIO_FEC_HEADER_SIZE);
      expect(writeAudioFecHeader(target, parsed)).toBe(AUDIO_FEC_HEADER_SIZE);
      expect(target).toEqual(payload.subarray(0, AUDIO_FEC_HEADER_SIZE));
    }
  });

  it('encrypted open to the recorded Opus packets, and seal to the same bytes', () => {
    expect(ENCRYPTED.length).toBe(22);
    for (const { datagram, opusHex, key, rikeyid } of ENCRYPTED) {
      const sequenceNumber = parseRtpHeader(datagram)?.sequenceNumber ?? -1;
      const ciphertext = datagram.subarray(RTP_HEADER_SIZE);
      const cipher = { key, rikeyid, sequenceNumber };
      expect(plain(openAudio(ciphertext, cipher))).toBe(opusHex);
      expect(plain(sealAudio(hex(opusHex), cipher))).toBe(plain(ciphertext));
    }
  });
});

describe('parseAudioFecHeader', () => {
  it('never throws, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 24 }), (payload) => {
        expect(parseAudioFecHeader(payload) === undefined).toBe(payload.length < AUDIO_FEC_HEADER_SIZE);
      }),
    );
  });

  it('decodes what writeAudioFecHeader wrote', () => {
    const header = fc.record({
      shardIndex: u8,
      payloadType: u8,
      baseSequenceNumber: u16,
      baseTimestamp: u32,
      ssrc: u32,
    });
    fc.assert(
      fc.property(header, (written) => {
        const target = new Uint8Array(AUDIO_FEC_HEADER_SIZE);
        writeAudioFecHeader(target, written);
        expect(parseAudioFecHeader(target)).toEqual(written);
      }),
    );
  });
});

describe('openAudio', () => {
  it.each([
    { name: 'nothing', bytes: '' },
    { name: 'no whole blocks', bytes: '00'.repeat(17) },
    { name: 'wrong padding', bytes: '00'.repeat(16) },
  ])('does not open $name', ({ bytes }) => {
    expect(openAudio(hex(bytes), { key: KEY, rikeyid: 1, sequenceNumber: 1 })).toBeUndefined();
  });

  it('takes a negative rikeyid for the same 32 bits', () => {
    const sealed = sealAudio(hex('0102'), { key: KEY, rikeyid: -2, sequenceNumber: 5 });
    expect(plain(openAudio(sealed, { key: KEY, rikeyid: 0xffff_fffe, sequenceNumber: 5 }))).toBe('0102');
    expect(plain(openAudio(sealed, { key: KEY, rikeyid: 3, sequenceNumber: 0 }))).toBe('0102');
  });

  it('never throws, whatever the bytes, and opens what sealAudio sealed', () => {
    const rikeyid = fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff });
    const blocks = fc.uint8Array({ minLength: 32, maxLength: 32 });
    fc.assert(
      fc.property(
        fc.oneof(fc.uint8Array({ maxLength: 80 }), blocks),
        rikeyid,
        u16,
        (bytes, id, sequenceNumber) => {
          const cipher = { key: KEY, rikeyid: id, sequenceNumber };
          const opened = openAudio(bytes, cipher);
          if (opened !== undefined) expect(plain(sealAudio(opened, cipher))).toBe(plain(bytes));
          expect(plain(openAudio(sealAudio(bytes, cipher), cipher))).toBe(plain(bytes));
        },
      ),
    );
  });
});
