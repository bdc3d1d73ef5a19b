/**
 * Makes what the simulated host plays: the test card in two sizes and two variants, the tone, the box art.
 * Needs ffmpeg (with libx264, libopus, fontconfig) and the DejaVu fonts; the results are committed, so nobody
 * needs it but who changes the picture:
 *
 *   node tools/run.mjs tools/make-clips.ts
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readCommandLine, runProgram } from '../core/runtime/command-line.ts';
import { writeSei } from '../sim/media/sei.ts';
import { makeFiller, splitAccessUnits } from '../sim/media/annexb.ts';
import { writeOpusPackets } from '../sim/media/opus-packets.ts';

const FOLDER = join(import.meta.dirname, '..', 'sim', 'host', 'clips');
const FRAMES = 240;
const FPS = 60;
const IDR_INTERVAL = 30;
const SIZES = ['1280x720', '1920x1080'] as const;
const VARIANTS = {
  a: { filter: 'null', word: 'GLEIPNIR', color: 'white' },
  b: { filter: 'negate', word: 'KEY', color: 'yellow' },
} as const;
/** Bits per second as Wolf's AudioModes have them. */
const TONES = [
  { channels: 2, layout: 'stereo', bitrate: 96_000 },
  { channels: 6, layout: '5.1', bitrate: 256_000 },
  { channels: 8, layout: '7.1', bitrate: 450_000 },
] as const;

function ffmpeg(args: readonly string[]): Buffer {
  return execFileSync('ffmpeg', ['-v', 'error', '-nostdin', ...args], {
    maxBuffer: 64 * 1024 * 1024,
  });
}

/** Bars, a box that crosses the picture and comes back in one loop, a frame counter and a word. */
function cardFilter(variant: keyof typeof VARIANTS): string {
  const { filter, word, color } = VARIANTS[variant];
  const font = 'font=DejaVu Sans Mono:box=1:boxcolor=black:boxborderw=16';
  return [
    `[0]${filter}[card]`,
    `[card][1]overlay=x='(W-w)*abs(1-mod(n\\,${FRAMES})/${FRAMES / 2})':y='H*0.62'[moving]`,
    `[moving]drawtext=${font}:fontcolor=white:text='%{eif\\:n\\:d\\:3}':fontsize=h/5:x=(w-tw)/2:y=h*0.1[counted]`,
    `[counted]drawtext=${font}:fontcolor=${color}:text='${word}':fontsize=h/8:x=(w-tw)/2:y=h*0.4`,
  ].join(';');
}

function makeVideo(size: (typeof SIZES)[number], variant: keyof typeof VARIANTS): Buffer {
  const box = size === '1280x720' ? '96x96' : '144x144';
  const sources = [`smptehdbars=s=${size}:r=${FPS}`, `testsrc=s=${box}:r=${FPS}`];
  const encoder =
    `-c:v libx264 -preset veryslow -profile:v main -bf 0 -g ${IDR_INTERVAL} -keyint_min ${IDR_INTERVAL} ` +
    '-sc_threshold 0 -crf 28 -pix_fmt yuv420p -threads 1 -x264-params slices=1:repeat-headers=1 ' +
    // Without the encoder's own advertisement, 600 bytes of SEI.
    '-bsf:v filter_units=remove_types=6 -f h264 -';
  return ffmpeg([
    ...sources.flatMap((source) => ['-f', 'lavfi', '-i', source]),
    ...['-filter_complex', cardFilter(variant), '-frames:v', String(FRAMES)],
    ...encoder.split(' '),
  ]);
}

/** Packets of an Ogg file, headers included. Source: RFC 3533, section 6. */
function oggPackets(ogg: Buffer): Buffer[] {
  const packets: Buffer[] = [];
  let parts: Buffer[] = [];
  for (let page = 0; page < ogg.length;) {
    const segments = ogg.readUInt8(page + 26);
    let offset = page + 27 + segments;
    for (const length of ogg.subarray(page + 27, page + 27 + segments)) {
      parts.push(ogg.subarray(offset, offset + length));
      offset += length;
      if (length === 255) continue;
      packets.push(Buffer.concat(parts));
      parts = [];
    }
    page = offset;
  }
  return packets;
}

/**
 * DESCRIBE's surround-params from an OpusHead. The head maps Vorbis order (RFC 7845, 5.1.1.2); Moonlight wants
 * FL FR C RL RR SL SR LFE.
 */
function surroundParams(head: Buffer, channels: number): string {
  const FROM_VORBIS: Record<number, number[]> = { 6: [0, 2, 1, 3, 4, 5], 8: [0, 2, 1, 5, 6, 3, 4, 7] };
  const order = FROM_VORBIS[channels];
  if (order === undefined) return '21101';
  const mapping = order.map((index) => head.readUInt8(21 + index)).join('');
  return `${channels}${head.readUInt8(19)}${head.readUInt8(20)}${mapping}`;
}

/** One second of tone out of the middle, so that it can be looped; a chord, each channel with its own note. */
function makeTone(tone: (typeof TONES)[number], packetDurationMs: number): Uint8Array {
  const notes = Array.from({ length: tone.channels }, (_, index) => `0.1*sin(2*PI*${220 + 55 * index}*t)`);
  const source = `aevalsrc=${notes.join('|')}:s=48000:d=3:c=${tone.layout}`;
  const encoder =
    `-c:a libopus -b:a ${tone.bitrate} -vbr off -application lowdelay -frame_duration ${packetDurationMs} ` +
    `-mapping_family ${tone.channels === 2 ? 0 : 1} -f ogg -`;
  const [head, , ...packets] = oggPackets(ffmpeg(['-f', 'lavfi', '-i', source, ...encoder.split(' ')]));
  if (head === undefined) throw new Error('ffmpeg made no Opus');
  const perSecond = 1000 / packetDurationMs;
  return writeOpusPackets({
    channels: tone.channels,
    packetDurationMs,
    surroundParams: surroundParams(head, tone.channels),
    packets: packets.slice(perSecond, 2 * perSecond),
  });
}

/** Decodes the clip as the host sends it, stamped and padded; ffmpeg says nothing if it is sound. */
function checkDecodes(clip: Uint8Array): void {
  const stamp = writeSei({ sentAtUs: 1_700_000_000_000_000, inputEvents: 0, rikeyid: 0 });
  const stream = splitAccessUnits(clip).flatMap(({ parameters, slices }) => [
    ...[parameters, stamp, slices],
    makeFiller(1000),
  ]);
  const args = ['-v', 'warning', '-xerror', '-f', 'h264', '-i', '-', '-f', 'null', '-'];
  execFileSync('ffmpeg', args, { input: Buffer.concat(stream), stdio: ['pipe', 'pipe', 'inherit'] });
}

function makeAll(): void {
  mkdirSync(FOLDER, { recursive: true });
  for (const size of SIZES) {
    for (const variant of ['a', 'b'] as const) {
      const clip = makeVideo(size, variant);
      checkDecodes(clip);
      writeFileSync(join(FOLDER, `card-${size}-${variant}.h264`), clip);
    }
  }
  for (const tone of TONES) {
    for (const packetDurationMs of [5, 10]) {
      const file = join(FOLDER, `tone-${tone.channels}ch-${packetDurationMs}ms.opus-packets`);
      writeFileSync(file, makeTone(tone, packetDurationMs));
    }
  }
  const art = [
    '-f',
    'lavfi',
    '-i',
    'smptehdbars=s=300x400',
    '-frames:v',
    '1',
    '-c:v',
    'png',
    '-f',
    'image2pipe',
    '-',
  ];
  writeFileSync(join(FOLDER, 'box-art.png'), ffmpeg(art));
}

await runProgram({ prefix: 'APPLIANCE' }, () => {
  const usage = (): string =>
    'node tools/run.mjs tools/make-clips.ts: makes what the simulated host plays, with ffmpeg\n';
  if (readCommandLine({ usage, options: {}, allowPositionals: false }) !== undefined) makeAll();
});
