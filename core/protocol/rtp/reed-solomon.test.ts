import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hex } from '../../../test/support/captures.ts';
import { readMediaSession } from '../../../test/support/media-captures.ts';
import { AUDIO_FEC_HEADER_SIZE } from './audio.ts';
import { RTP_HEADER_SIZE } from './header.ts';
import {
  encodeAudioParity,
  encodeVideoParity,
  recoverAudioShards,
  recoverVideoShards,
  SHARDS_MAX,
  type Shard,
} from './reed-solomon.ts';
import {
  parseVideoPacket,
  restoreVideoPacketHeaders,
  VIDEO_HEADERS_SIZE,
  writeParityPacketHeaders,
} from './video.ts';

/** One FEC block of video as recorded: packets in order of shardIndex. */
interface Block {
  name: string;
  data: Uint8Array[];
  parity: Uint8Array[];
}

/** All complete blocks of a recorded session. */
function blocksOf(session: string): Block[] {
  const blocks = new Map<string, Block & { shards: number }>();
  for (const { hex: text, header } of readMediaSession(session).video) {
    const name = `${session}, frame ${String(header.frameIndex)} block ${String(header.fecBlock)}`;
    const shards = header.fecInfo.dataShards + header.fecInfo.parityShards;
    const block = blocks.get(name) ?? { name, data: [], parity: [], shards };
    (header.fecInfo.isParity ? block.parity : block.data).push(hex(text));
    blocks.set(name, block);
  }
  return [...blocks.values()].filter(({ data, parity, shards }) => data.length + parity.length === shards);
}

const BLOCKS = ['wolf10mbit', 'wolf20mbit'].flatMap(blocksOf);
const LARGE = BLOCKS.filter(({ data }) => data.length === 46);

/** The recorded audio blocks: 4 payloads and 2 parities. */
const AUDIO = ['wolf10mbit', 'wolfAudioEncrypted'].flatMap((session) => {
  const { audio } = readMediaSession(session);
  const payloads = (kind: 'data' | 'FEC') =>
    audio
      .filter(({ header }) => header.kind === kind)
      .map(({ hex: text }) => hex(text).subarray(RTP_HEADER_SIZE));
  const [data, fec] = [payloads('data'), payloads('FEC')];
  return Array.from({ length: fec.length / 2 }, (_, block) => ({
    data: data.slice(block * 4, block * 4 + 4),
    parity: fec.slice(block * 2, block * 2 + 2).map((payload) => payload.subarray(AUDIO_FEC_HEADER_SIZE)),
  }));
});

/** The shards without those at `lost`. */
function without(shards: readonly Uint8Array[], lost: readonly number[]): Shard[] {
  return shards.map((shard, index) => (lost.includes(index) ? undefined : shard));
}

/** Every choice of `count` out of 0..size-1. */
function choices(size: number, count: number): number[][] {
  if (count === 0) return [[]];
  return Array.from({ length: size }, (_, last) =>
    choices(last, count - 1).map((chosen) => [...chosen, last]),
  ).flat();
}

describe('recorded video blocks', () => {
  it('are there: a whole frame of 3 blocks of 46 + 10 among them', () => {
    expect(BLOCKS.length).toBeGreaterThan(8);
    expect(LARGE.map(({ parity }) => parity.length)).toEqual([10, 10, 10]);
  });

  it.each(BLOCKS)('$name: parity is recomputed from byte 32 on', ({ data, parity }) => {
    const computed = encodeVideoParity(data, parity.length);
    expect(computed.map((shard) => shard.subarray(VIDEO_HEADERS_SIZE))).toEqual(
      parity.map((shard) => shard.subarray(VIDEO_HEADERS_SIZE)),
    );
  });

  it.each(BLOCKS)(
    '$name: parity is the recorded one whole, once its headers are written',
    ({ data, parity }) => {
      const computed = encodeVideoParity(data, parity.length);
      for (const [index, shard] of computed.entries()) {
        const recorded = parity[index] ?? new Uint8Array();
        const packet = parseVideoPacket(recorded);
        if (packet !== undefined) writeParityPacketHeaders(shard, packet);
        expect(shard).toEqual(recorded);
      }
    },
  );

  it.each(BLOCKS)(
    '$name: any packets lost, as many as there is parity, come back whole',
    ({ data, parity }) => {
      const all = [...data, ...parity];
      const lostShards = fc.uniqueArray(fc.nat(all.length - 1), { maxLength: parity.length });
      const firstOnes = parity.map((_, index) => index).filter((index) => index < data.length);
      fc.assert(
        fc.property(lostShards, (lost) => {
          const shards = without(all, lost);
          expect(recoverVideoShards(shards, data.length)).toBe(true);
          const sibling = parseVideoPacket(all.find((_, index) => !lost.includes(index)) ?? new Uint8Array());
          for (const index of lost.filter((place) => place < data.length)) {
            const shard = shards[index];
            if (shard !== undefined && sibling !== undefined)
              restoreVideoPacketHeaders(shard, sibling, index);
          }
          expect(
            Buffer.concat(shards.slice(0, data.length).map((shard) => shard ?? new Uint8Array())),
          ).toEqual(Buffer.concat(data));
        }),
        { numRuns: 15, examples: [[firstOnes]] },
      );
    },
  );

  it.each(LARGE)('$name: one more lost than there is parity changes nothing', ({ data, parity }) => {
    const lost = Array.from({ length: parity.length + 1 }, (_, index) => index * 4);
    const shards = without([...data, ...parity], lost);
    const before = [...shards];
    expect(recoverVideoShards(shards, data.length)).toBe(false);
    expect(shards).toEqual(before);
  });
});

describe('recorded audio blocks', () => {
  it('have the parity that is computed, Opus or ciphertext', () => {
    expect(AUDIO.length).toBe(6);
    for (const { data, parity } of AUDIO) expect(encodeAudioParity(data)).toEqual(parity);
  });

  it('come back whole whichever two packets are lost', () => {
    for (const { data, parity } of AUDIO) {
      for (const lost of [...choices(6, 1), ...choices(6, 2)]) {
        const shards = without([...data, ...parity], lost);
        expect(recoverAudioShards(shards)).toBe(true);
        expect(shards.slice(0, 4)).toEqual(data);
      }
    }
  });

  it('stay as they are when more is lost than parity makes good', () => {
    const { data, parity } = AUDIO[0] ?? { data: [], parity: [] };
    for (const lost of [
      [0, 1, 2],
      [1, 2, 4],
      [3, 4, 5],
    ]) {
      const shards = without([...data, ...parity], lost);
      expect(recoverAudioShards(shards)).toBe(false);
      expect(shards).toEqual(without([...data, ...parity], lost));
    }
  });
});

describe('encodeVideoParity', () => {
  it('takes shorter packets as padded with zeros', () => {
    const [short, long] = [hex('0102'), hex('03040506')];
    expect(encodeVideoParity([short, long], 3)).toEqual(encodeVideoParity([hex('01020000'), long], 3));
  });

  it('gives no parity for none asked', () => {
    expect(encodeVideoParity([hex('01')], 0)).toEqual([]);
  });

  it('refuses more shards than the field has room for', () => {
    const data = Array.from({ length: SHARDS_MAX }, () => hex('01'));
    expect(() => encodeVideoParity(data, 1)).toThrow('too many shards');
  });
});

describe('encodeAudioParity', () => {
  it('refuses a block that is not of four', () => {
    expect(() => encodeAudioParity([hex('01')])).toThrow('four data shards');
  });
});

describe('recoverVideoShards', () => {
  it('fills the largest block with every second packet lost', () => {
    const data = Array.from({ length: 170 }, (_, index) => Uint8Array.of(index, index ^ 0x5a, 7));
    const shards: Shard[] = [...data, ...encodeVideoParity(data, 85)];
    for (let index = 0; index < 170; index += 2) shards[index] = undefined;
    expect(recoverVideoShards(shards, 170)).toBe(true);
    expect(shards.slice(0, 170)).toEqual(data);
  });

  it.each([
    { name: 'more data shards than shards', shards: [hex('01')], dataShards: 2 },
    { name: 'more shards than the field has room for', shards: Array<Shard>(256), dataShards: 200 },
    { name: 'nothing received', shards: Array<Shard>(6), dataShards: 4 },
  ])('is false for $name', ({ shards, dataShards }) => {
    expect(recoverVideoShards(shards, dataShards)).toBe(false);
  });

  it('never throws and leaves what arrived, whatever the shards', () => {
    const anyShard = fc.option(fc.uint8Array({ maxLength: 12 }), { nil: undefined });
    fc.assert(
      fc.property(fc.array(anyShard, { maxLength: 40 }), fc.nat(45), (shards, dataShards) => {
        const before = [...shards];
        const isWhole = recoverVideoShards(shards, dataShards);
        for (const [index, shard] of before.entries())
          if (shard !== undefined) expect(shards[index]).toBe(shard);
        if (isWhole) expect(shards.slice(0, dataShards)).not.toContain(undefined);
        else expect(shards).toEqual(before);
      }),
    );
  });
});

describe('recoverAudioShards', () => {
  it('never throws, whatever the shards', () => {
    const anyShard = fc.option(fc.uint8Array({ maxLength: 12 }), { nil: undefined });
    fc.assert(
      fc.property(fc.array(anyShard, { maxLength: 8 }), (shards) => {
        const isWhole = recoverAudioShards(shards);
        if (isWhole) expect(shards.slice(0, 4)).not.toContain(undefined);
      }),
    );
  });
});
