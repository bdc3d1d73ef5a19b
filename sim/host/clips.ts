/**
 * The committed test card and tone, loaded when first wanted and shared by all sessions of a host.
 * `tools/make-clips.ts` makes them.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import assert from 'node:assert';
import { splitAccessUnits, type AccessUnit } from '../media/annexb.ts';
import { parseOpusPackets, type OpusPackets } from '../media/opus-packets.ts';

const FOLDER = join(import.meta.dirname, 'clips');
const SMALL = '1280x720';
const LARGE = '1920x1080';
/** From this height on the large card is played. */
const LARGE_HEIGHT = 900;
const CHANNELS = [2, 6, 8] as const;
const DURATIONS_MS = [5, 10] as const;

/** The two pictures that a key press switches between. */
export type CardVariant = 'a' | 'b';

/** One picture size of the test card: loops of 60 frames per second that start with an IDR. */
export type CardClips = Readonly<Record<CardVariant, readonly AccessUnit[]>>;

/** Holds at most the files of the folder. */
export class ClipLibrary {
  readonly #cards = new Map<string, CardClips>();
  readonly #tones = new Map<string, OpusPackets>();
  #boxArt: Buffer | undefined;

  /** The card nearest to a picture of `height` lines. */
  card(height: number): CardClips {
    const size = height >= LARGE_HEIGHT ? LARGE : SMALL;
    const known = this.#cards.get(size);
    if (known !== undefined) return known;
    const card = { a: loadCard(size, 'a'), b: loadCard(size, 'b') };
    this.#cards.set(size, card);
    return card;
  }

  /** The tone; stereo and 5 ms where there is none for the wanted channels and duration. */
  tone(channels: number, packetDurationMs: number): OpusPackets {
    const channelCount = CHANNELS.find((candidate) => candidate === channels) ?? 2;
    const duration = DURATIONS_MS.find((candidate) => candidate === packetDurationMs) ?? 5;
    const name = `tone-${channelCount}ch-${duration}ms.opus-packets`;
    const known = this.#tones.get(name);
    if (known !== undefined) return known;
    const tone = parseOpusPackets(readFileSync(join(FOLDER, name)));
    assert(tone !== undefined, 'a committed tone is damaged');
    this.#tones.set(name, tone);
    return tone;
  }

  /** surround-params of every channel count, for DESCRIBE. */
  surroundParams(): string[] {
    return CHANNELS.map((channels) => this.tone(channels, DURATIONS_MS[0]).surroundParams);
  }

  /** PNG, 300x400. */
  boxArt(): Buffer {
    this.#boxArt ??= readFileSync(join(FOLDER, 'box-art.png'));
    return this.#boxArt;
  }
}

function loadCard(size: string, variant: CardVariant): AccessUnit[] {
  const units = splitAccessUnits(readFileSync(join(FOLDER, `card-${size}-${variant}.h264`)));
  assert(units[0]?.isIdr === true, 'a committed clip does not start with an IDR');
  return units;
}
