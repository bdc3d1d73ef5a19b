/**
 * Makes one picture small: PNG, JPEG or WebP from standard input, a PNG to standard output. A process of its own,
 * because the decoder is native code that takes 130 ms and 80 MB to load, and reads what hosts send.
 *
 * Exits with 1, and says why in a line of standard error, where that cannot be done.
 */
import { constants, setPriority } from 'node:os';
import { buffer } from 'node:stream/consumers';
import sharp from 'sharp';
import { ART_BYTES_MAX } from '../../../core/session/host-record.ts';

/** Looked at in the header, before anything is decoded; larger ones are bombs or mistakes. */
const PIXELS_MAX = 16_000_000;
/** Tried in turn. The last one always fits: a byte for each pixel, and its colours. */
const ATTEMPTS = [
  { width: 600, height: 800, palette: false },
  { width: 600, height: 800, palette: true },
  { width: 450, height: 600, palette: true },
  { width: 300, height: 400, palette: true },
];
/** Of 1 to 10, spent on the choice of colours: ten times as fast as the usual 7, and hardly larger. */
const EFFORT = 1;
const FORMATS = ['VipsForeignLoadPng', 'VipsForeignLoadJpeg', 'VipsForeignLoadWebp'];

// Streams go first.
setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
sharp.concurrency(1);
sharp.block({ operation: ['VipsForeignLoad'] });
sharp.unblock({ operation: FORMATS });

async function scale(picture: Buffer): Promise<Buffer> {
  for (const { palette, ...box } of ATTEMPTS) {
    const png = await sharp(picture, { limitInputPixels: PIXELS_MAX })
      .autoOrient()
      .resize({ ...box, fit: 'inside', withoutEnlargement: true })
      .png(palette ? { palette, effort: EFFORT } : {})
      .toBuffer();
    if (png.length <= ART_BYTES_MAX) return png;
  }
  throw new Error('it stays too large');
}

try {
  process.stdout.write(await scale(await buffer(process.stdin)));
} catch (error) {
  process.stderr.write(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
