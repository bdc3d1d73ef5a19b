/** What one stream was like, seen by the client: one flat JSON object. */
import type { FrameStamp } from '../media/sei.ts';

/** Latencies that are kept for the percentiles: an hour at 60 fps. */
const SAMPLES_MAX = 216_000;

/**
 * How a stream ended: by this end (`stopped`, after its seconds or on request; `vanished`, without a word), by the
 * host (`terminated` with a code, `disconnected` without), or for want of something: the control stream never
 * connected or fell silent, no video datagram came in 10 s, or none of them made a picture in 10 s.
 */
export type StreamEnd =
  | 'stopped'
  | 'vanished'
  | 'terminated'
  | 'disconnected'
  | 'connectTimeout'
  | 'controlTimeout'
  | 'noVideo'
  | 'noFrame';

export interface StreamReport {
  /** Whole frames; `framesDecodable` leaves out those a decoder could not show for want of an IDR frame. */
  frames: number;
  framesDecodable: number;
  framesLost: number;
  /** Frames that were whole only by FEC. */
  fecRepaired: number;
  /** From PLAY's reply to the first decodable frame, ms; `null`: none came. */
  firstFrameMs: number | null;
  /** From PLAY's reply to the first video datagram, ms. */
  firstDatagramMs: number | null;
  /** From PLAY's reply to the connected control stream, ms. */
  connectedMs: number | null;
  videoDatagrams: number;
  /** Video datagrams that are none, or do not decrypt. */
  videoMalformed: number;
  /** Video packets of frame 0, or whose sequence numbers went back. */
  videoRejected: number;
  idrRequests: number;
  audioPackets: number;
  audioRepaired: number;
  audioLost: number;
  audioUndecryptable: number;
  /** Of ENet. */
  rttMs: number;
  /** Input messages: a key pressed and released is two. */
  inputEventsSent: number;
  /** Highest count that the host's frames told of: of this session, over all its streams. */
  inputEventsSeen: number;
  /** From the host's stamp to the whole frame; means something only on one machine. `null`: no stamps. */
  latencyMs: { p50: number; p99: number } | null;
  /** Frames whose stamp names our rikeyid, and those that name another session's. */
  ownFrames: number;
  foreignFrames: number;
  /** Frame indices of the first and the last whole frame. */
  firstFrameIndex: number | null;
  lastFrameIndex: number | null;
  /** Longest time without a whole frame, after the first, ms. */
  longestGapMs: number;
  rebinds: number;
  /** From the newest move of each socket to the first datagram that found it, ms; `null`: none did, or no move. */
  recoveryMs: Record<'audio' | 'video' | 'control', number | null>;
  /** Messages of the host by type, `0x0109` and the like. */
  controlReceived: Record<string, number>;
  controlUndecryptable: number;
  encryption: { rtsp: boolean; controlVersion: 'v1' | 'v2'; video: boolean; audio: boolean };
  end: StreamEnd;
  /** The host's code, `0x80030023` for a graceful end; `null`: it sent none. */
  termination: string | null;
  /** From PLAY's reply to the end, ms. */
  durationMs: number;
}

/** Hexadecimal with at least 4 digits. */
export function formatHex(value: number): string {
  return `0x${value.toString(16).padStart(4, '0')}`;
}

/** What the frames' stamps and times of arrival add up to. */
export class FrameStatistics {
  /** At most SAMPLES_MAX. */
  readonly #latenciesMs: number[] = [];
  readonly #rikeyid: number;
  #lastAtMs: number | undefined;
  longestGapMs = 0;
  ownFrames = 0;
  foreignFrames = 0;
  inputEventsSeen = 0;

  /** @param rikeyid of our session, signed or not. */
  constructor(rikeyid: number) {
    this.#rikeyid = rikeyid >>> 0;
  }

  /** @param atMs arrival, monotonic; `atUs` the same, since the epoch. */
  add(stamp: FrameStamp | undefined, { atMs, atUs }: { atMs: number; atUs: number }): void {
    if (this.#lastAtMs !== undefined) this.longestGapMs = Math.max(this.longestGapMs, atMs - this.#lastAtMs);
    this.#lastAtMs = atMs;
    if (stamp === undefined) return;
    if (stamp.rikeyid === this.#rikeyid) this.ownFrames += 1;
    else this.foreignFrames += 1;
    this.inputEventsSeen = Math.max(this.inputEventsSeen, stamp.inputEvents);
    if (this.#latenciesMs.length < SAMPLES_MAX) this.#latenciesMs.push((atUs - stamp.sentAtUs) / 1000);
  }

  latencyMs(): { p50: number; p99: number } | null {
    const sorted = this.#latenciesMs.toSorted((a, b) => a - b);
    const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
    const p50 = at(0.5);
    const p99 = at(0.99);
    return p50 === undefined || p99 === undefined ? null : { p50: round(p50), p99: round(p99) };
  }
}

/** To a thousandth: enough for milliseconds. */
export function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}

/** As `round`, for what may not have happened. */
export function roundOrNull(value: number | null): number | null {
  return value === null ? null : round(value);
}
