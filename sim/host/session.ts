/** One client's game on the simulated host, from /launch to /cancel, through any number of streams. */
import type { Announce } from '../../core/protocol/sdp.ts';
import type { CardVariant } from './clips.ts';
import { SimStream, type Destination, type StreamDeps, type StreamRequest } from './stream.ts';
import { TestCard } from './test-card.ts';

/** Picture size before ANNOUNCE says another. */
const HEIGHT_DEFAULT = 720;
const U32 = 0x1_0000_0000;

/** What a test may know of a session. */
export interface SimSessionInfo {
  appId: number;
  /** SHA-256 of the client's certificate, lower-case hex. */
  fingerprint: string;
  /** 1 for /launch, one more for each /resume. */
  generation: number;
  /** Signed, as in /launch. */
  rikeyid: number;
  /** Host part of sessionUrl0. */
  label: string;
  clientAddress: string;
  /** Whether video flows now. */
  isStreaming: boolean;
  /** Whether the control stream of this generation is connected. */
  isConnected: boolean;
  /** Video frames and Opus packets of this generation. */
  framesSent: number;
  audioPacketsSent: number;
  /** Of the whole session, as are the following. */
  inputEvents: number;
  idrRequests: number;
  variant: CardVariant;
  /** Index of the next picture in its loop of 240. */
  cardPosition: number;
  announce: Announce | undefined;
  videoDestination: Destination | undefined;
  audioDestination: Destination | undefined;
}

/** A game and its newest stream. */
export class SimSession {
  readonly appId: number;
  readonly fingerprint: string;
  readonly #card: TestCard;
  readonly #deps: StreamDeps;
  #stream: SimStream;
  #generation = 1;
  #inputEvents = 0;
  #idrRequests = 0;
  /** The stream whose control connection stands. */
  #connected: SimStream | undefined;

  constructor(fingerprint: string, request: StreamRequest, deps: StreamDeps) {
    this.appId = request.query.appId;
    this.fingerprint = fingerprint;
    this.#card = new TestCard(deps.clips.card(request.query.mode?.height ?? HEIGHT_DEFAULT));
    this.#deps = deps;
    this.#stream = this.#open(request);
  }

  get stream(): SimStream {
    return this.#stream;
  }

  /** New keys and tokens; the old stream ends, the picture goes on where it was. */
  resume(request: StreamRequest): SimStream {
    this.#stream.end();
    this.#stream = this.#open(request);
    this.#generation += 1;
    return this.#stream;
  }

  /** Ends the stream that runs now; the game stays. Idempotent. */
  pause(): void {
    this.#stream.end();
  }

  setConnected(stream: SimStream, isConnected: boolean): void {
    if (isConnected) this.#connected = stream;
    else if (this.#connected === stream) this.#connected = undefined;
  }

  requestIdr(): void {
    this.#idrRequests += 1;
    this.#card.requestIdr();
  }

  /** @param isPress Whether it is a key or button going down, which switches the picture. */
  input(isPress: boolean): void {
    this.#inputEvents = (this.#inputEvents + 1) % U32;
    if (isPress) this.#card.toggle();
  }

  info(): SimSessionInfo {
    const stream = this.#stream;
    return {
      appId: this.appId,
      fingerprint: this.fingerprint,
      generation: this.#generation,
      rikeyid: stream.request.query.rikeyid,
      label: stream.tokens.label,
      clientAddress: stream.request.clientAddress,
      isStreaming: stream.isStreaming,
      isConnected: this.#connected === stream,
      framesSent: stream.framesSent,
      audioPacketsSent: stream.audioPacketsSent,
      inputEvents: this.#inputEvents,
      idrRequests: this.#idrRequests,
      variant: this.#card.variant,
      cardPosition: this.#card.position,
      announce: stream.announce,
      videoDestination: stream.destination('video'),
      audioDestination: stream.destination('audio'),
    };
  }

  #open(request: StreamRequest): SimStream {
    return new SimStream(request, { card: this.#card, inputEvents: () => this.#inputEvents }, this.#deps);
  }
}
