/** Sends one session's tone: paced, with parity, encrypted where the client asked for it. */
import { NV_FEATURE_AUDIO_ENCRYPTION, type Announce } from '../../core/protocol/sdp.ts';
import { AudioPacketizer } from '../media/audio-packetizer.ts';
import type { OpusPackets } from '../media/opus-packets.ts';
import type { SimClock } from './clock.ts';
import { Pacer } from './pacer.ts';

/** A tenth of a second of the shortest packets. */
const BURST_MAX = 20;

/** What a stream needs. */
export interface AudioSenderOptions {
  clock: SimClock;
  tone: OpusPackets;
  announce: Announce;
  /** rikey, 16 bytes. */
  key: Uint8Array;
  rikeyid: number;
  transmit: (datagram: Uint8Array) => void;
}

/** One audio stream, from `start` to `stop`. */
export class AudioSender {
  readonly #options: AudioSenderOptions;
  readonly #packetizer: AudioPacketizer;
  readonly #pacer: Pacer;
  #packetsSent = 0;

  constructor(options: AudioSenderOptions) {
    const { announce, tone, key, rikeyid, clock } = options;
    const isEncrypted = (announce.nvFeatureFlags & NV_FEATURE_AUDIO_ENCRYPTION) !== 0;
    this.#options = options;
    this.#packetizer = new AudioPacketizer({
      packetDurationMs: tone.packetDurationMs,
      ...(isEncrypted && { encryption: { key, rikeyid } }),
    });
    this.#pacer = new Pacer({
      clock,
      periodMs: tone.packetDurationMs,
      burstMax: BURST_MAX,
      onDue: () => {
        this.#sendPacket();
      },
    });
  }

  /** Opus packets, without parity. */
  get packetsSent(): number {
    return this.#packetsSent;
  }

  start(): void {
    this.#pacer.start();
  }

  /** Idempotent. */
  stop(): void {
    this.#pacer.stop();
  }

  #sendPacket(): void {
    const { tone, transmit } = this.#options;
    const opus = tone.packets[this.#packetsSent % tone.packets.length];
    if (opus === undefined) return;
    this.#packetsSent += 1;
    for (const datagram of this.#packetizer.packetize(opus)) transmit(datagram);
  }
}
