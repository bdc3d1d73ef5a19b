/** Writes down what happens to one stream, and makes the report of it. */
import { readSei } from '../media/sei.ts';
import type { AudioCounters } from './audio-receiver.ts';
import type { ControlStream } from './control.ts';
import type { AssembledFrame } from './frame-assembly.ts';
import type { Negotiated } from './handshake.ts';
import {
  FrameStatistics,
  formatHex,
  round,
  roundOrNull,
  type StreamEnd,
  type StreamReport,
} from './report.ts';
import type { VideoCounters } from './video-receiver.ts';

/** Whence the rest of the report comes. */
export interface ReportSources {
  negotiated: Negotiated;
  isRtspEncrypted: boolean;
  video: VideoCounters;
  audio: AudioCounters;
  control: ControlStream;
  recoveryMs: StreamReport['recoveryMs'];
  end: StreamEnd;
}

export class StreamMeter {
  readonly #statistics: FrameStatistics;
  #playedAtMs = performance.now();
  #connectedMs: number | null = null;
  #firstDatagramMs: number | null = null;
  #firstFrameMs: number | null = null;
  #firstFrameIndex: number | null = null;
  #lastFrameIndex: number | null = null;
  idrRequests = 0;
  inputEventsSent = 0;
  rebinds = 0;
  termination: number | undefined;

  /** @param rikeyid of our session. */
  constructor(rikeyid: number) {
    this.#statistics = new FrameStatistics(rikeyid);
  }

  /** Since PLAY's reply. */
  get elapsedMs(): number {
    return performance.now() - this.#playedAtMs;
  }

  /** Since the first video datagram; `undefined` before it. */
  get sinceFirstDatagramMs(): number | undefined {
    return this.#firstDatagramMs === null ? undefined : this.elapsedMs - this.#firstDatagramMs;
  }

  get hasPicture(): boolean {
    return this.#firstFrameMs !== null;
  }

  /** PLAY was answered: the zero of all times. */
  played(): void {
    this.#playedAtMs = performance.now();
  }

  connected(): void {
    this.#connectedMs ??= this.elapsedMs;
  }

  videoDatagram(): void {
    this.#firstDatagramMs ??= this.elapsedMs;
  }

  frame(frame: AssembledFrame, isDecodable: boolean): void {
    const atMs = performance.now();
    const atUs = (performance.timeOrigin + atMs) * 1000;
    if (isDecodable) this.#firstFrameMs ??= this.elapsedMs;
    this.#firstFrameIndex ??= frame.frameIndex;
    this.#lastFrameIndex = frame.frameIndex;
    this.#statistics.add(readSei(frame.annexB), { atMs, atUs });
  }

  report(sources: ReportSources): StreamReport {
    const { negotiated, isRtspEncrypted, video, audio, control, recoveryMs, end } = sources;
    const statistics = this.#statistics;
    return {
      frames: video.framesReceived,
      framesDecodable: video.framesDecodable,
      framesLost: video.framesLost,
      fecRepaired: video.framesRepaired,
      firstFrameMs: roundOrNull(this.#firstFrameMs),
      firstDatagramMs: roundOrNull(this.#firstDatagramMs),
      connectedMs: roundOrNull(this.#connectedMs),
      videoDatagrams: video.datagrams,
      videoMalformed: video.malformed,
      videoRejected: video.rejected,
      idrRequests: this.idrRequests,
      audioPackets: audio.packets,
      audioRepaired: audio.packetsRepaired,
      audioLost: audio.packetsLost,
      audioUndecryptable: audio.undecryptable,
      rttMs: round(control.rttMs),
      inputEventsSent: this.inputEventsSent,
      inputEventsSeen: statistics.inputEventsSeen,
      latencyMs: statistics.latencyMs(),
      ownFrames: statistics.ownFrames,
      foreignFrames: statistics.foreignFrames,
      firstFrameIndex: this.#firstFrameIndex,
      lastFrameIndex: this.#lastFrameIndex,
      longestGapMs: round(statistics.longestGapMs),
      rebinds: this.rebinds,
      recoveryMs,
      controlReceived: Object.fromEntries(
        Array.from(control.received, ([type, count]) => [formatHex(type), count]),
      ),
      controlUndecryptable: control.undecryptable,
      encryption: {
        rtsp: isRtspEncrypted,
        controlVersion: negotiated.controlVersion,
        video: negotiated.hasVideoEncryption,
        audio: negotiated.hasAudioEncryption,
      },
      end,
      termination: this.termination === undefined ? null : formatHex(this.termination),
      durationMs: round(this.elapsedMs),
    };
  }
}
