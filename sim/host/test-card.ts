/**
 * What a session shows: a position in the looped test card, and which variant of it. It outlives the streams
 * of its session, so that the other end can see that a resumed game went on.
 */
import assert from 'node:assert';
import type { AccessUnit } from '../media/annexb.ts';
import type { CardClips, CardVariant } from './clips.ts';

/** Pictures of one session, in order. */
export class TestCard {
  #clips: CardClips;
  #position = 0;
  #variant: CardVariant = 'a';
  #isIdrWanted = true;

  constructor(clips: CardClips) {
    this.#clips = clips;
  }

  get variant(): CardVariant {
    return this.#variant;
  }

  /** Index of the next picture in its loop, as the counter in the picture shows it. */
  get position(): number {
    return this.#position;
  }

  /** Goes on in another picture size, at an IDR. */
  useClips(clips: CardClips): void {
    this.#clips = clips;
    this.#isIdrWanted = true;
  }

  /** The next picture will be an IDR: the nearest one ahead. */
  requestIdr(): void {
    this.#isIdrWanted = true;
  }

  /** Switches to the other variant, at an IDR. */
  toggle(): void {
    this.#variant = this.#variant === 'a' ? 'b' : 'a';
    this.#isIdrWanted = true;
  }

  /** The next picture. */
  next(): AccessUnit {
    const units = this.#clips[this.#variant];
    if (this.#isIdrWanted) this.#position = nextIdr(units, this.#position);
    this.#isIdrWanted = false;
    const unit = units[this.#position];
    assert(unit !== undefined, 'a clip has no pictures');
    this.#position = (this.#position + 1) % units.length;
    return unit;
  }
}

/** Clips start with an IDR, so going round finds one. */
function nextIdr(units: readonly AccessUnit[], from: number): number {
  const ahead = units.findIndex(({ isIdr }, index) => isIdr && index >= from);
  return Math.max(0, ahead);
}
