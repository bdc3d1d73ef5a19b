import fc from 'fast-check';
import { randomBytes } from 'node:crypto';
import { crc32, deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { imageType } from '../../../core/host/image.ts';
import { ART_BYTES_MAX } from '../../../core/session/host-record.ts';
import { scaleDown, type ScaleOutcome } from './scale.ts';

type Format = 'png' | 'jpeg' | 'webp';
const FORMATS = ['png', 'jpeg', 'webp'] as const;

const scale = (picture: Uint8Array): Promise<ScaleOutcome> =>
  scaleDown(picture, new AbortController().signal);

/** Noise, which compresses worst, under a red upper and a blue lower half. */
async function pictureOf(format: Format, width: number, height: number): Promise<Buffer> {
  const pixels = randomBytes(3 * width * height);
  const half = 3 * width * Math.floor(height / 2);
  for (let at = 0; at < pixels.length; at += 3) pixels[at < half ? at : at + 2] = 255;
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .toFormat(format, { quality: 95 })
    .toBuffer();
}

async function pngOf(picture: Uint8Array): Promise<Buffer> {
  const outcome = await scale(picture);
  if (!('png' in outcome)) throw new Error(outcome.reason);
  return outcome.png;
}

/** A black picture of one bit for each pixel: a few KB, whatever its size. */
function blackPng(width: number, height: number): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 1;
  const rows = Buffer.alloc(height * (1 + Math.ceil(width / 8)));
  const chunk = (name: string, data: Buffer): Buffer => {
    const body = Buffer.concat([Buffer.from(name), data]);
    const frame = Buffer.alloc(8);
    frame.writeUInt32BE(data.length, 0);
    frame.writeUInt32BE(crc32(body), 4);
    return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
  };
  const signature = Buffer.from('89504e470d0a1a0a', 'hex');
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

describe('scaleDown', { timeout: 60_000 }, () => {
  it.each(FORMATS)('makes a PNG that fits of a large %s, and it is still that picture', async (format) => {
    const picture = await pictureOf(format, 750, 1_000);
    expect(picture.length).toBeGreaterThan(ART_BYTES_MAX);
    const png = await pngOf(picture);
    const { width, height, channels } = await sharp(png).metadata();
    expect(imageType(png)).toBe('image/png');
    expect(width / height).toBeCloseTo(0.75, 2);
    const colours = await Promise.all(
      [0, Math.ceil(height / 2) + 2].map(async (top) => {
        const half = { left: 0, top, width, height: Math.floor(height / 2) - 2 };
        const { data } = await sharp(png)
          .extract(half)
          .resize(1, 1)
          .raw()
          .toBuffer({ resolveWithObject: true });
        return data;
      }),
    );
    expect(channels).toBeGreaterThanOrEqual(3);
    expect((colours[0]?.[0] ?? 0) - (colours[0]?.[2] ?? 0)).toBeGreaterThan(60);
    expect((colours[1]?.[2] ?? 0) - (colours[1]?.[0] ?? 0)).toBeGreaterThan(60);
  });

  it('fits whatever the size', async () => {
    const side = fc.integer({ min: 1, max: 900 });
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...FORMATS), side, side, async (format, width, height) => {
        const png = await pngOf(await pictureOf(format, width, height));
        const found = await sharp(png).metadata();
        expect(png.length).toBeLessThanOrEqual(ART_BYTES_MAX);
        expect(found.format).toBe('png');
        expect(found.width).toBeLessThanOrEqual(600);
        expect(found.height).toBeLessThanOrEqual(800);
      }),
      { numRuns: 3, endOnFailure: true },
    );
  });

  it('keeps what is transparent', async () => {
    const clear = { r: 9, g: 9, b: 9, alpha: 0 };
    const picture = await sharp({ create: { width: 900, height: 900, channels: 4, background: clear } })
      .webp()
      .toBuffer();
    expect((await sharp(await pngOf(picture)).stats()).isOpaque).toBe(false);
  });

  it('looks at the size before it decodes', async () => {
    expect(await scale(blackPng(4_000, 4_000))).toHaveProperty('png');
    expect(await scale(blackPng(4_001, 4_000))).toMatchObject({ reason: /pixel limit/ });
    const bomb = blackPng(8, 8);
    bomb.writeUInt32BE(60_000, 16);
    bomb.writeUInt32BE(60_000, 20);
    bomb.writeUInt32BE(crc32(bomb.subarray(12, 29)), 29);
    expect(await scale(bomb)).toMatchObject({ reason: /pixel limit/ });
  });

  it('says why it makes nothing of what is no such picture', async () => {
    const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>');
    const gif = await sharp({ create: { width: 9, height: 9, channels: 3, background: 'red' } })
      .gif()
      .toBuffer();
    const cut = (await pictureOf('png', 900, 900)).subarray(0, 300_000);
    const garbage = Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), randomBytes(8 * 1_024 * 1_024)]);
    for (const picture of [Buffer.alloc(0), svg, gif, cut, garbage]) {
      const outcome = await scale(picture);
      expect(outcome).toEqual({ reason: expect.stringMatching(/./) as string });
    }
  });

  it('gives up when it is told to', async () => {
    const stopping = new AbortController();
    const scaling = scaleDown(await pictureOf('png', 700, 700), stopping.signal);
    stopping.abort();
    expect(await scaling).toHaveProperty('reason');
  });
});
