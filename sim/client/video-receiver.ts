/**
 * Video datagrams in, frames out, with a real client's habits: frames are expected from 1 on (a frame 0 is
 * rejected), frame index and RTP sequence number never go back, and after a lost frame nothing can be decoded
 * until an IDR frame comes, which is asked for.
 *
 * Source: moonlight-common-c `RtpVideoQueue.c`, `VideoDepacketizer.c`. One difference: an older frame is given up
 * when a newer one completes, not when its first packet comes.
 */
import { openVideoPacket } from '../../core/protocol/rtp/video-encryption.ts';
import { FRAME_TYPE, parseVideoPacket, type VideoPacket } from '../../core/protocol/rtp/video.ts';
import { FrameAssembly, type AssembledFrame } from './frame-assembly.ts';

const FIRST_FRAME_INDEX = 1;
/** Frames in the making; the oldest goes when another one begins. */
const PENDING_MAX = 8;
/** A client without a picture asks again after so many frames that it could not decode. */
const DROPS_BEFORE_IDR_REQUEST = 120;

export interface VideoReceiverDeps {
  /** rikey if video is encrypted. */
  key: Uint8Array | undefined;
  onFrame: (frame: AssembledFrame, isDecodable: boolean) => void;
  requestIdr: () => void;
}

/** What was received; all counts. */
export interface VideoCounters {
  datagrams: number;
  /** Not of this stream: no packet, or one that does not decrypt. */
  malformed: number;
  /** Packets of frame 0, or with a sequence number that went back. Surplus ones of frames that are over do not count. */
  rejected: number;
  framesReceived: number;
  framesDecodable: number;
  /** Frames that were skipped or never completed, of those before the newest that did. */
  framesLost: number;
  /** Frames that were complete only by FEC. */
  framesRepaired: number;
}

export class VideoReceiver {
  readonly counters: VideoCounters = {
    datagrams: 0,
    malformed: 0,
    rejected: 0,
    framesReceived: 0,
    framesDecodable: 0,
    framesLost: 0,
    framesRepaired: 0,
  };
  readonly #deps: VideoReceiverDeps;
  /** By frameIndex, at most PENDING_MAX, in the order they began. */
  readonly #pending = new Map<number, FrameAssembly>();
  #nextFrameIndex = FIRST_FRAME_INDEX;
  #lastSequenceNumber: number | undefined;
  #isWaitingForIdr = true;
  #dropped = 0;

  constructor(deps: VideoReceiverDeps) {
    this.#deps = deps;
  }

  receive(datagram: Uint8Array): void {
    this.counters.datagrams += 1;
    const { key } = this.#deps;
    const bytes = key === undefined ? datagram : openVideoPacket(datagram, key)?.packet;
    const packet = bytes === undefined ? undefined : parseVideoPacket(bytes);
    if (bytes === undefined || packet === undefined) {
      this.counters.malformed += 1;
      return;
    }
    if (this.#isOver(packet)) return;
    if (this.#isRejected(packet)) {
      this.counters.rejected += 1;
      return;
    }
    const assembly = this.#assemblyOf(packet);
    assembly.add(packet, bytes);
    const frame = assembly.complete();
    if (frame !== undefined) this.#finish(assembly, frame);
  }

  #isOver({ frameIndex }: VideoPacket): boolean {
    return frameIndex >= FIRST_FRAME_INDEX && frameIndex < this.#nextFrameIndex;
  }

  #isRejected({ frameIndex, rtp }: VideoPacket): boolean {
    if (frameIndex < FIRST_FRAME_INDEX) return true;
    if (this.#lastSequenceNumber === undefined) return false;
    return ((rtp.sequenceNumber - this.#lastSequenceNumber) & 0xffff) >= 0x8000;
  }

  #assemblyOf(packet: VideoPacket): FrameAssembly {
    const known = this.#pending.get(packet.frameIndex);
    if (known !== undefined) return known;
    if (this.#pending.size >= PENDING_MAX) {
      for (const oldest of this.#pending.keys()) {
        this.#pending.delete(oldest);
        break;
      }
    }
    const assembly = new FrameAssembly(packet);
    this.#pending.set(packet.frameIndex, assembly);
    return assembly;
  }

  #finish(assembly: FrameAssembly, frame: AssembledFrame): void {
    const lost = frame.frameIndex - this.#nextFrameIndex;
    this.#nextFrameIndex = frame.frameIndex + 1;
    this.#lastSequenceNumber = assembly.firstSequenceNumber;
    for (const frameIndex of this.#pending.keys()) {
      if (frameIndex <= frame.frameIndex) this.#pending.delete(frameIndex);
    }
    this.counters.framesReceived += 1;
    this.counters.framesLost += lost;
    if (frame.repairedPackets > 0) this.counters.framesRepaired += 1;
    this.#deps.onFrame(frame, this.#decode(frame, lost > 0));
  }

  /** Whether a decoder could show the frame. */
  #decode(frame: AssembledFrame, isAfterLoss: boolean): boolean {
    if (frame.header.frameType === FRAME_TYPE.IDR) this.#isWaitingForIdr = false;
    else if (isAfterLoss) this.#askForIdr();
    if (!this.#isWaitingForIdr) {
      this.counters.framesDecodable += 1;
      return true;
    }
    this.#dropped += 1;
    if (this.#dropped >= DROPS_BEFORE_IDR_REQUEST) this.#askForIdr();
    return false;
  }

  #askForIdr(): void {
    this.#isWaitingForIdr = true;
    this.#dropped = 0;
    this.#deps.requestIdr();
  }
}
