/** Sends one session's picture: paced, stamped, cut into packets, encrypted where negotiated. */
import type { Announce } from '../../core/protocol/sdp.ts';
import { SS_ENC } from '../../core/protocol/sdp.ts';
import { sealVideoPacket } from '../../core/protocol/rtp/video-encryption.ts';
import { writeU32LE } from '../../core/protocol/bytes.ts';
import { makeFiller } from '../media/annexb.ts';
import { VideoPacketizer } from '../media/packetizer.ts';
import { writeSei, type FrameStamp } from '../media/sei.ts';
import type { SimClock } from './clock.ts';
import { Pacer } from './pacer.ts';
import type { TestCard } from './test-card.ts';

const RTP_CLOCK_HZ = 90_000;
const BURST_MAX = 3;
const FPS = { min: 1, max: 240 } as const;
/** What a client may ask for: its own minimum, and what an Ethernet frame holds. */
const PACKET_SIZE = { min: 128, max: 1440 } as const;
const IV_SIZE = 12;
const IV_SENDER_OFFSET = 10;
const IV_SENDER = Buffer.from('HV', 'latin1');

/** What a stream needs; `announce` says size, rate and encryption. */
export interface VideoSenderOptions {
  clock: SimClock;
  card: TestCard;
  announce: Announce;
  /** rikey, 16 bytes. */
  key: Uint8Array;
  firstFrameIndex: number;
  /** See `VideoPacketizerOptions`. */
  flagsEachBlock: boolean;
  /** Pads frames to the negotiated bitrate. */
  fill: boolean;
  /** Everything of the stamp but the time, asked for each frame. */
  stamp: () => Omit<FrameStamp, 'sentAtUs'>;
  transmit: (datagram: Uint8Array) => void;
}

/** One video stream, from `start` to `stop`. */
export class VideoSender {
  readonly #options: VideoSenderOptions;
  readonly #packetizer: VideoPacketizer;
  readonly #pacer: Pacer;
  readonly #fps: number;
  readonly #isEncrypted: boolean;
  #framesSent = 0;
  #encryptedPackets = 0;

  constructor(options: VideoSenderOptions) {
    const { announce } = options;
    this.#options = options;
    this.#fps = clamp(announce.maxFPS, FPS);
    this.#isEncrypted = (announce.encryptionEnabled & SS_ENC.VIDEO) !== 0;
    this.#packetizer = new VideoPacketizer({
      packetSize: clamp(announce.packetSize, PACKET_SIZE),
      minRequiredFecPackets: announce.minRequiredFecPackets,
      firstFrameIndex: options.firstFrameIndex,
      flagsEachBlock: options.flagsEachBlock,
    });
    this.#pacer = new Pacer({
      clock: options.clock,
      periodMs: 1000 / this.#fps,
      burstMax: BURST_MAX,
      onDue: () => {
        this.#sendFrame();
      },
    });
  }

  get framesSent(): number {
    return this.#framesSent;
  }

  /** Starts with an IDR, at once. */
  start(): void {
    this.#options.card.requestIdr();
    this.#pacer.start();
  }

  /** Idempotent. */
  stop(): void {
    this.#pacer.stop();
  }

  #sendFrame(): void {
    const { clock, card, stamp, transmit } = this.#options;
    const { isIdr, parameters, slices } = card.next();
    const sei = writeSei({ ...stamp(), sentAtUs: clock.epochUs() });
    const filler = this.#filler(parameters.length + sei.length + slices.length);
    const { frameIndex, packets } = this.#packetizer.packetize({
      annexB: [parameters, sei, slices, filler],
      isIdr,
      timestamp: Math.round((this.#framesSent * RTP_CLOCK_HZ) / this.#fps) >>> 0,
    });
    this.#framesSent += 1;
    for (const packet of packets) transmit(this.#isEncrypted ? this.#seal(packet, frameIndex) : packet);
  }

  #filler(pictureBytes: number): Uint8Array {
    const { fill, announce } = this.#options;
    if (!fill) return new Uint8Array(0);
    const frameBytes = Math.floor((announce.maximumBitrateKbps * 1000) / 8 / this.#fps);
    return makeFiller(Math.min(frameBytes, this.#packetizer.capacityBytes) - pictureBytes);
  }

  #seal(packet: Uint8Array, frameNumber: number): Uint8Array {
    this.#encryptedPackets += 1;
    const iv12 = new Uint8Array(IV_SIZE);
    writeU32LE(iv12, 0, this.#encryptedPackets);
    iv12.set(IV_SENDER, IV_SENDER_OFFSET);
    return sealVideoPacket(packet, { key: this.#options.key, iv12, frameNumber });
  }
}

function clamp(value: number, range: { min: number; max: number }): number {
  return Math.min(range.max, Math.max(range.min, value));
}
