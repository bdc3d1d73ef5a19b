/**
 * One generation of a session: what /launch or /resume made (keys, tokens), what RTSP negotiated, and the media
 * that flow until it ends. A resumed session gets a new one.
 *
 *   waiting --ANNOUNCE, PLAY, first ping--> streaming --pause--> ended
 *
 * Video and audio each start with their own first ping.
 */
import { randomBytes, randomInt } from 'node:crypto';
import type { LaunchQuery } from '../../core/protocol/moonlight/launch-query.ts';
import type { Announce } from '../../core/protocol/sdp.ts';
import { AudioSender } from './audio-sender.ts';
import type { SimClock } from './clock.ts';
import type { ClipLibrary } from './clips.ts';
import type { WolfHabits } from './habits.ts';
import type { TestCard } from './test-card.ts';
import { VideoSender } from './video-sender.ts';

const PING_PAYLOAD = { length: 16, first: 0x21, count: 0x7e - 0x21 + 1 } as const;
const CONSTANT_SESSION = 'DEADBEEFCAFE';
const U32 = 0x1_0000_0000;
/** A client pings every 500 ms; one that is silent for so long is gone. */
const PING_TIMEOUT_MS = 10_000;

/** The two media a client pings for. */
export type Media = 'video' | 'audio';

/** An address and port of a client. */
export interface Destination {
  address: string;
  port: number;
}

/** What a stream shares with the host it belongs to. */
export interface StreamDeps {
  clock: SimClock;
  clips: ClipLibrary;
  habits: WolfHabits;
  fill: boolean;
  transmit: (media: Media, datagram: Uint8Array, destination: Destination) => void;
}

/** What a stream shows and tells of its session. */
export interface StreamSession {
  card: TestCard;
  inputEvents: () => number;
}

/** What the client asked for, and from where. */
export interface StreamRequest {
  query: LaunchQuery;
  clientAddress: string;
  isRtspEncrypted: boolean;
}

/** Secrets that name a stream to its client; the RTSP `Session` is constant where the host has that habit. */
export interface StreamTokens {
  /** Host part of sessionUrl0, an IPv4 address that is none. */
  label: string;
  rtspSession: string;
  /** 16 printable characters each. */
  pingPayload: Record<Media, string>;
  connectData: number;
}

/** Keys, tokens and media of one /launch or /resume. */
export class SimStream {
  readonly request: StreamRequest;
  readonly tokens: StreamTokens;
  #announce: Announce | undefined;
  #isPlaying = false;
  #isEnded = false;
  #video: VideoSender | undefined;
  #audio: AudioSender | undefined;
  #silenceTimer: (() => void) | undefined;
  #lastPingMs = 0;
  readonly #destinations: Partial<Record<Media, Destination>> = {};
  readonly #session: StreamSession;
  readonly #deps: StreamDeps;

  constructor(request: StreamRequest, session: StreamSession, deps: StreamDeps) {
    this.request = request;
    this.tokens = makeTokens(deps.habits);
    this.#session = session;
    this.#deps = deps;
  }

  get announce(): Announce | undefined {
    return this.#announce;
  }

  get isPlaying(): boolean {
    return this.#isPlaying;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  get isStreaming(): boolean {
    return !this.#isEnded && this.#video !== undefined;
  }

  get framesSent(): number {
    return this.#video?.framesSent ?? 0;
  }

  get audioPacketsSent(): number {
    return this.#audio?.packetsSent ?? 0;
  }

  destination(media: Media): Destination | undefined {
    return this.#destinations[media];
  }

  /** Takes the client's wishes; a repeated ANNOUNCE is taken only before PLAY. */
  describe(announce: Announce): void {
    if (this.#isPlaying) return;
    this.#announce = announce;
    this.#session.card.useClips(this.#deps.clips.card(announce.height));
  }

  /** PLAY. @returns whether it was announced before. */
  play(): boolean {
    if (this.#announce === undefined) return false;
    this.#isPlaying = true;
    this.#start();
    return true;
  }

  /** A ping with this stream's payload: media go to where it came from. */
  ping(media: Media, source: Destination): void {
    if (this.#isEnded || this.#isDeaf(media)) return;
    this.#lastPingMs = this.#deps.clock.nowMs();
    this.#destinations[media] = source;
    this.#start();
  }

  /** Ends the media for good. Idempotent. */
  end(): void {
    this.#isEnded = true;
    this.#silenceTimer?.();
    this.#video?.stop();
    this.#audio?.stop();
  }

  /** Wolf listens for one ping per medium, after ANNOUNCE. */
  #isDeaf(media: Media): boolean {
    if (!this.#deps.habits.firstPingOnly) return false;
    return this.#announce === undefined || this.#destinations[media] !== undefined;
  }

  #start(): void {
    const announce = this.#announce;
    if (announce === undefined || !this.#isPlaying || this.#isEnded) return;
    if (this.#destinations.video !== undefined) this.#startVideo(announce);
    if (this.#destinations.audio !== undefined) this.#startAudio(announce);
  }

  #startVideo(announce: Announce): void {
    if (this.#video !== undefined) return;
    const { clock, habits, fill } = this.#deps;
    const { rikey, rikeyid } = this.request.query;
    const { card, inputEvents } = this.#session;
    this.#video = new VideoSender({
      clock,
      card,
      announce,
      key: rikey,
      firstFrameIndex: habits.firstFrameIndex0 ? 0 : 1,
      flagsEachBlock: !habits.flagsFrameOnly,
      fill,
      stamp: () => ({ inputEvents: inputEvents(), rikeyid: rikeyid >>> 0 }),
      transmit: (datagram) => {
        this.#transmit('video', datagram);
      },
    });
    this.#video.start();
    if (!habits.firstPingOnly) this.#watchSilence();
  }

  #startAudio(announce: Announce): void {
    if (this.#audio !== undefined) return;
    const { clock, clips } = this.#deps;
    const { rikey, rikeyid } = this.request.query;
    this.#audio = new AudioSender({
      clock,
      tone: clips.tone(announce.audioChannels, announce.audioPacketDurationMs),
      announce,
      key: rikey,
      rikeyid,
      transmit: (datagram) => {
        this.#transmit('audio', datagram);
      },
    });
    this.#audio.start();
  }

  #transmit(media: Media, datagram: Uint8Array): void {
    const destination = this.#destinations[media];
    if (destination !== undefined) this.#deps.transmit(media, datagram, destination);
  }

  #watchSilence(): void {
    const { clock } = this.#deps;
    const silentMs = clock.nowMs() - this.#lastPingMs;
    if (silentMs >= PING_TIMEOUT_MS) {
      this.end();
      return;
    }
    this.#silenceTimer = clock.after(PING_TIMEOUT_MS - silentMs, () => {
      this.#watchSilence();
    });
  }
}

function makeTokens(habits: WolfHabits): StreamTokens {
  // Wolf gives both media the same payload; a host may also give each its own.
  const payload = makePingPayload();
  return {
    label: makeLabel(),
    rtspSession: habits.constantSession ? CONSTANT_SESSION : randomBytes(8).toString('hex').toUpperCase(),
    pingPayload: { video: payload, audio: habits.constantSession ? payload : makePingPayload() },
    connectData: randomInt(1, U32),
  };
}

function makePingPayload(): string {
  const { length, first, count } = PING_PAYLOAD;
  return String.fromCharCode(...Array.from({ length }, () => first + randomInt(count)));
}

/** Looks like a public address, as Wolf's do; nobody connects to it. */
function makeLabel(): string {
  return [randomInt(128, 224), randomInt(256), randomInt(256), randomInt(1, 255)].join('.');
}
