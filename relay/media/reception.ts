/**
 * How video comes in from its host: what is missing in the sequence, and how steadily frames arrive.
 *
 * Under video encryption the RTP header is hidden. Sunshine and its kin number their datagrams in the nonce instead
 * (u64 little-endian, two zero bytes, `HV`), and the number of the frame is in clear; with nonces of another kind
 * nothing can be said to be missing.
 *
 * Source: RFC 3550 appendix A.1, A.3 (sequence) and A.8 (jitter); offsets as in core/protocol/rtp.
 */
import { readU16, readU16LE, readU32 } from '../../core/protocol/bytes.ts';
import {
  readEncryptedFrameNumber,
  readFrameIndex,
  VIDEO_HEADERS_SIZE,
} from '../../core/protocol/rtp/video.ts';

const PLAIN = { sequenceNumber: 2, timestamp: 4, frameIndex: 20 } as const;
const ENCRYPTED = { counter: 0, sender: 10, frameNumber: 12 } as const;
/** `HV`: from the host, video. */
const SENDER_VIDEO = 0x4856;

/** A number farther behind than this is no late datagram; two of them in a row are a sequence that began anew. */
const LATE_MAX = 1_000;
const LATE_FRAMES_MAX = 64;

/** A number that is not known yet. */
const UNKNOWN = -1;

const CLOCK_PER_MS = 90;
/** RFC 3550: the jitter moves by a 16th of what is new. */
const JITTER_SHARE = 16;
/** Frames over which the pace of a host without timestamps is averaged. */
const PACE_FRAMES = 64;
/** Longer is a stream that stood still, which is told otherwise. */
const INTERVAL_MS_MAX = 1_000;

/** Where the time of arrival comes from; asked once a frame. */
export interface ArrivalClock {
  /** ms, with fractions, of a clock that never goes back. */
  preciseMs: () => number;
}

/** Where the numbers and frames of a stream stand, for whoever goes on counting elsewhere. -1: not known yet. */
export interface ReceptionPosition {
  highest: number;
  restartsAt: number;
  frameIndex: number;
  timestamp: number;
  /** ms of `ArrivalClock`. */
  arrivedAtMs: number;
  paceMs: number;
  intervals: number;
  jitterMs: number;
}

/** The video of one flow as it comes in. */
export class VideoReception {
  /** Whether SS_ENC_VIDEO was negotiated. */
  isEncrypted = false;
  /** Datagrams that came. */
  datagrams = 0;
  /**
   * Interarrival jitter of frames, ms. Where the host leaves the timestamp as it is (Wolf), against the pace that it
   * keeps on average.
   */
  jitterMs = 0;
  /** Datagrams that should have come, those that did included; less while some came twice. */
  expected = 0;
  #highest = UNKNOWN;
  /** The number after one that was far behind. */
  #restartsAt = UNKNOWN;
  #frameIndex = UNKNOWN;
  /** Low byte of `#frameIndex`. */
  #frameByte = UNKNOWN;
  #timestamp = 0;
  #arrivedAtMs = 0;
  #paceMs = 0;
  #intervals = 0;

  /** Datagrams that did not come; falls when one is only late. A datagram that comes twice hides one that is lost. */
  get lost(): number {
    return Math.max(0, this.expected - this.datagrams);
  }

  get position(): ReceptionPosition {
    return {
      highest: this.#highest,
      restartsAt: this.#restartsAt,
      frameIndex: this.#frameIndex,
      timestamp: this.#timestamp,
      arrivedAtMs: this.#arrivedAtMs,
      paceMs: this.#paceMs,
      intervals: this.#intervals,
      jitterMs: this.jitterMs,
    };
  }

  set position(position: ReceptionPosition) {
    this.#highest = position.highest;
    this.#restartsAt = position.restartsAt;
    this.#frameIndex = position.frameIndex;
    this.#frameByte = position.frameIndex === UNKNOWN ? UNKNOWN : position.frameIndex & 0xff;
    this.#timestamp = position.timestamp;
    this.#arrivedAtMs = position.arrivedAtMs;
    this.#paceMs = position.paceMs;
    this.#intervals = position.intervals;
    this.jitterMs = position.jitterMs;
  }

  /** Goes on from what an earlier relay counted. */
  restore({ lost, datagrams }: { lost: number; datagrams: number }): void {
    this.datagrams = datagrams;
    this.expected = datagrams + lost;
  }

  /** Takes a datagram of the host. Runs for every one: no allocation, no throw. */
  take(datagram: Uint8Array, clock: ArrivalClock): void {
    if (datagram.length < VIDEO_HEADERS_SIZE) return;
    this.datagrams += 1;
    const sequenceNumber = this.isEncrypted
      ? this.#readCounter(datagram)
      : readU16(datagram, PLAIN.sequenceNumber);
    const ahead = ((sequenceNumber - this.#highest) << 16) >> 16;
    if (ahead === 1) {
      this.#highest = sequenceNumber;
      this.expected += 1;
    } else {
      this.#leap(sequenceNumber, ahead);
    }
    const frameByte = datagram[this.isEncrypted ? ENCRYPTED.frameNumber : PLAIN.frameIndex];
    if (frameByte !== this.#frameByte) this.#onOtherFrame(datagram, clock);
  }

  /** The low 16 bits of the counter in the nonce, or, in a nonce that counts nothing, the number that is due. */
  #readCounter(datagram: Uint8Array): number {
    const isCounted = readU16(datagram, ENCRYPTED.sender) === SENDER_VIDEO;
    return isCounted ? readU16LE(datagram, ENCRYPTED.counter) : (this.#highest + 1) & 0xffff;
  }

  /** A number that is not the next one: the first of all, a gap, a late one, or a sequence that began anew. */
  #leap(sequenceNumber: number, ahead: number): void {
    if (this.#highest === UNKNOWN) {
      this.expected += 1;
    } else if (ahead > 0) {
      this.expected += ahead;
    } else if (ahead >= -LATE_MAX) {
      return;
    } else if (sequenceNumber === this.#restartsAt) {
      this.expected += 2;
    } else {
      this.#restartsAt = (sequenceNumber + 1) & 0xffff;
      return;
    }
    this.#highest = sequenceNumber;
  }

  /** The first datagram of a frame, or a late one of an older frame. */
  #onOtherFrame(datagram: Uint8Array, clock: ArrivalClock): void {
    const frameIndex = this.isEncrypted ? readEncryptedFrameNumber(datagram) : readFrameIndex(datagram);
    const frames = frameIndex - this.#frameIndex;
    const isKnown = this.#frameIndex !== UNKNOWN;
    if (isKnown && frames <= 0 && frames > -LATE_FRAMES_MAX) return;
    const nowMs = clock.preciseMs();
    const timestamp = this.isEncrypted ? this.#timestamp : readU32(datagram, PLAIN.timestamp);
    const elapsedMs = nowMs - this.#arrivedAtMs;
    if (isKnown && frames > 0 && elapsedMs <= INTERVAL_MS_MAX) this.#onInterval(elapsedMs, frames, timestamp);
    this.#frameIndex = frameIndex;
    this.#frameByte = frameIndex & 0xff;
    this.#timestamp = timestamp;
    this.#arrivedAtMs = nowMs;
  }

  #onInterval(elapsedMs: number, frames: number, timestamp: number): void {
    const ticks = (timestamp - this.#timestamp) | 0;
    let dueMs = ticks / CLOCK_PER_MS;
    if (ticks === 0) {
      this.#intervals += 1;
      this.#paceMs += (elapsedMs / frames - this.#paceMs) / Math.min(this.#intervals, PACE_FRAMES);
      dueMs = this.#paceMs * frames;
    }
    this.jitterMs += (Math.abs(elapsedMs - dueMs) - this.jitterMs) / JITTER_SHARE;
  }
}
