/**
 * Video datagrams in, frames out, with a real client's habits: frames are expected from 1 on (a frame 0 is
 * rejected), frame index and RTP sequence number never go back, a frame is given up when the first packet of a
 * newer one comes, and after a lost frame nothing can be decoded until an IDR frame comes, which is asked for.
 *
 * Source: moonlight-common-c `RtpVideoQueue.c`, `VideoDepacketizer.c`, as released: a build for debugging
 * (`LC_DEBUG`) wants one packet more of every FEC block, to try its repair.
 */
import { openVideoPacket } from '../../core/protocol/rtp/video-encryption.ts';
import { FRAME_TYPE, parseVideoPacket, type VideoPacket } from '../../core/protocol/rtp/video.ts';
import { FrameAssembly, type AssembledFrame } from './frame-assembly.ts';

const FIRST_FRAME_INDEX = 1;
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
  /** The newest frame that began, whole or not. */
  #assembly: FrameAssembly | undefined;
  /** After the newest frame that is whole. */
  #nextFrameIndex = FIRST_FRAME_INDEX;
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
    const frame = this.#assemblyOf(packet).add(packet, bytes);
    if (frame !== undefined) this.#finish(frame);
  }

  #isOver({ frameIndex }: VideoPacket): boolean {
    const current = Math.max(this.#nextFrameIndex, this.#assembly?.frameIndex ?? 0);
    return frameIndex >= FIRST_FRAME_INDEX && frameIndex < current;
  }

  #isRejected({ frameIndex, rtp }: VideoPacket): boolean {
    if (frameIndex < FIRST_FRAME_INDEX) return true;
    if (this.#assembly === undefined) return false;
    return ((rtp.sequenceNumber - this.#assembly.firstSequenceNumber) & 0xffff) >= 0x8000;
  }

  #assemblyOf(packet: VideoPacket): FrameAssembly {
    if (this.#assembly?.frameIndex !== packet.frameIndex) this.#assembly = new FrameAssembly(packet);
    return this.#assembly;
  }

  #finish(frame: AssembledFrame): void {
    const lost = frame.frameIndex - this.#nextFrameIndex;
    this.#nextFrameIndex = frame.frameIndex + 1;
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
