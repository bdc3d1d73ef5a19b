/**
 * A flow: one generation of one session as the relay sees it. Plain fields, always the same ones in the same order,
 * read and written by the data path; rows of the table are made from it and never read there.
 */
import { readU32 } from '../../core/protocol/bytes.ts';
import { TokenBucket } from '../../core/runtime/token-bucket.ts';
import { pingPayloadOf, type MediaStream } from '../../core/protocol/rtp/ping.ts';
import type { FlowRecord, SessionRecord } from '../../core/session/record.ts';
import { NEVER } from '../clock/clock.ts';
import { RoundTrip } from '../control/round-trip.ts';
import type { StreamKind } from '../counts/counters.ts';
import { MOVES, TAGS_BY_FLOW } from './limits.ts';
import { VideoReception } from '../media/reception.ts';
import type { UdpPort } from '../ports/udp-port.ts';

export type FlowStatus = FlowRecord['status'];

/** A number that is not known yet, where the known ones are never negative. */
export const UNKNOWN = -1;

/** Opening a client's messages to find its FEC reports; one for each frame at the usual rate, 0.06 % of a core. */
const FEC_OPENINGS = { burst: 60, perSecond: 60 } as const;

/** One port of a slot, with the flows' legs that use it by host address and port; at most one per flow. */
export interface UpstreamPort {
  readonly udp: UdpPort;
  readonly legs: Map<string, Map<number, Leg>>;
}

/** An upstream slot: a triple of local UDP ports towards hosts. */
export interface Slot extends Readonly<Record<StreamKind, UpstreamPort>> {
  readonly key: string;
  readonly index: number;
  users: number;
  state: 'opening' | 'open' | 'failed';
}

/** One stream of a flow: who is at its two ends, and what passed. */
export interface Leg {
  readonly flow: Flow;
  readonly stream: StreamKind;
  /** Our public port, towards the client. */
  readonly downstream: UdpPort;
  /** Our slot's port, towards the host. */
  readonly upstream: UpstreamPort;
  /** As the socket spells it; port 0: unknown yet. */
  clientAddress: string;
  clientPort: number;
  /** Canonical; port 0: unknown yet. */
  hostAddress: string;
  hostPort: number;
  /** Whether what the host sends needs no look any more, so that the datapath engine may forward it by itself. */
  isEstablished: boolean;
  /** Coarse clock, ms, or `NEVER`: last authentic datagram of the client, last datagram of the host. */
  clientSeenMs: number;
  hostSeenMs: number;
  /** Forwarded to the client; on control, in both directions. */
  datagrams: number;
  bytes: number;
  /** Highest counter of the client's pings; 0 before the first. Media only, as all that follows. */
  pingCounter: number;
  firstPingMs: number;
  /** The host's own ping payload; `undefined` where it wants the bare `PING`. */
  hostPingPayload: string | undefined;
  hostPingCounter: number;
  hostPingDueMs: number;
  /** Where the next ping to the host is written. */
  readonly hostPing: Uint8Array;
  readonly moves: TokenBucket;
  /** The flow's, on the video leg only. */
  readonly reception: VideoReception | undefined;
}

/** The ENet connection between client and host that runs through the relay. */
export interface PeerState {
  /** Of the CONNECT that this generation's token is bound to, or `UNKNOWN`. */
  connectID: number;
  /** The newest CONNECT, kept until it is known where the host's control port is. */
  heldConnect: Uint8Array | undefined;
  /** The X-SS-Connect-Data that the host wants, or `UNKNOWN`. */
  hostConnectData: number;
  /** The id the host gave, and the session bits of datagrams towards it; `UNKNOWN` before the VERIFY_CONNECT. */
  hostPeerID: number;
  hostSessionID: number;
  /** The same towards the client; its id is in its CONNECT. */
  clientPeerID: number;
  clientSessionID: number;
  /** Highest seq of the client's encrypted messages, or `UNKNOWN`. */
  highestSeq: number;
  /** Whether a DISCONNECT of either side passed, so that the host's peer is gone or goes. */
  hasDisconnect: boolean;
  /** Whether the relay itself disconnected the host's peer. */
  hasLeftHost: boolean;
  /** Messages that the relay put in, towards each side. */
  injectedToHost: number;
  injectedToClient: number;
  readonly tagTries: TokenBucket;
}

/** How far the relay is with getting a first picture that the client accepts. */
export interface FirstPicture {
  state: 'watching' | 'asking' | 'settled';
  /** IDR requests sent. */
  attempts: number;
  dueMs: number;
  /** Whether the next attempt is the last one, as the type of a frame cannot be seen under encryption. */
  isLastAttempt: boolean;
}

/** Bit rates towards the client, and where their window began; the first one when the flow did. */
export interface Rates {
  videoBps: number;
  audioBps: number;
  /** How often a rate became another one. */
  changes: number;
  /** Coarse clock, ms. */
  sinceMs: number;
  videoBytes: number;
  audioBytes: number;
}

/** What a `Flow` is made of. */
export interface FlowParts {
  session: SessionRecord;
  /** The client's AES key of this generation; `undefined` if it did not unseal: then nothing is put in or moved. */
  rikey: Uint8Array | undefined;
  slot: Slot;
  downstream: Readonly<Record<StreamKind, UdpPort>>;
  /** Coarse clock, ms. */
  openedAtMs: number;
}

/** Begins in status `waiting`: nobody has come yet. */
export class Flow {
  readonly id: string;
  readonly generation: number;
  readonly tokens: SessionRecord['tokens'];
  /** What pings of each stream begin with, and `payloadKey` of it. */
  readonly pingPayloads: Readonly<Record<MediaStream, Uint8Array>>;
  readonly pingKeys: Readonly<Record<MediaStream, number>>;
  readonly rikey: Uint8Array | undefined;
  readonly slot: Slot;
  readonly control: Leg;
  readonly video: Leg;
  readonly audio: Leg;
  readonly peer: PeerState = createPeer();
  readonly rates: Rates;
  readonly reception = new VideoReception();
  readonly roundTrip = new RoundTrip();
  readonly picture: FirstPicture = { state: 'watching', attempts: 0, dueMs: 0, isLastAttempt: false };
  status: FlowStatus = 'waiting';
  /** SS_ENC_* bits of the stream. */
  encryptionEnabled = 0;
  /** Whether the session row is gone without having said `ended`. */
  isOrphan = false;
  /** Whether the session row says `paused`. */
  isPaused = false;
  /** Whether no video comes from the host though the flow is live. */
  isFrozen = false;
  /** FEC reports of the client, and how many of its messages may be opened to find them. */
  fecReports = 0;
  readonly fecOpenings = new TokenBucket(FEC_OPENINGS);
  readonly openedAtMs: number;
  closedAtMs = NEVER;
  /** Terminations sent to the client since `closedAtMs`. */
  terminations = 0;
  /** When the row was last written, and `activityOf` then. */
  savedAtMs = NEVER;
  savedActivity = UNKNOWN;

  constructor({ session, rikey, slot, downstream, openedAtMs }: FlowParts) {
    this.openedAtMs = openedAtMs;
    this.rates = createRates(openedAtMs);
    this.id = session.id;
    this.generation = session.generation;
    this.tokens = session.tokens;
    const [video, audio] = [payloadBytes(session, 'video'), payloadBytes(session, 'audio')];
    this.pingPayloads = { video, audio };
    this.pingKeys = { video: payloadKey(video), audio: payloadKey(audio) };
    this.rikey = rikey;
    this.slot = slot;
    this.control = createLeg(this, 'control', downstream.control, slot.control);
    this.video = createLeg(this, 'video', downstream.video, slot.video);
    this.audio = createLeg(this, 'audio', downstream.audio, slot.audio);
  }
}

function createLeg(flow: Flow, stream: StreamKind, downstream: UdpPort, upstream: UpstreamPort): Leg {
  return {
    flow,
    stream,
    downstream,
    upstream,
    clientAddress: '',
    clientPort: 0,
    hostAddress: '',
    hostPort: 0,
    isEstablished: false,
    clientSeenMs: NEVER,
    hostSeenMs: NEVER,
    datagrams: 0,
    bytes: 0,
    pingCounter: 0,
    firstPingMs: NEVER,
    hostPingPayload: undefined,
    hostPingCounter: 0,
    hostPingDueMs: 0,
    hostPing: new Uint8Array(20),
    moves: new TokenBucket(MOVES),
    reception: stream === 'video' ? flow.reception : undefined,
  };
}

function createPeer(): PeerState {
  return {
    connectID: UNKNOWN,
    heldConnect: undefined,
    hostConnectData: UNKNOWN,
    hostPeerID: UNKNOWN,
    hostSessionID: 0,
    clientPeerID: UNKNOWN,
    clientSessionID: 0,
    highestSeq: UNKNOWN,
    hasDisconnect: false,
    hasLeftHost: false,
    injectedToHost: 0,
    injectedToClient: 0,
    tagTries: new TokenBucket(TAGS_BY_FLOW),
  };
}

function createRates(sinceMs: number): Rates {
  return { videoBps: 0, audioBps: 0, changes: 0, sinceMs, videoBytes: 0, audioBytes: 0 };
}

function payloadBytes({ tokens }: SessionRecord, stream: MediaStream): Uint8Array {
  return Uint8Array.from(Buffer.from(pingPayloadOf(tokens.pingPayload, stream), 'latin1'));
}

/** The three legs, in no special order. */
export function legsOf(flow: Flow): readonly [control: Leg, video: Leg, audio: Leg] {
  return [flow.control, flow.video, flow.audio];
}

/** Whether the generation goes on: nobody left, nobody ended it. */
export function isOpen(flow: Flow): boolean {
  return flow.status === 'live' || flow.status === 'waiting';
}

/** Coarse clock, ms, or `NEVER`: the client's last authentic datagram on any stream. */
export function clientSeenMs(flow: Flow): number {
  return Math.max(flow.control.clientSeenMs, flow.video.clientSeenMs, flow.audio.clientSeenMs);
}

/** Whether a ping with the flow's payload and a new counter has shown that its client is at `address`. */
export function isProvenAt({ video, audio }: Flow, address: string): boolean {
  return video.clientAddress === address || audio.clientAddress === address;
}

/** A 30-bit key of the first 16 bytes, for a map. Precondition: `payload.length >= 16`. */
export function payloadKey(payload: Uint8Array): number {
  const words = readU32(payload, 0) ^ readU32(payload, 4) ^ readU32(payload, 8) ^ readU32(payload, 12);
  return (words ^ (words >>> 30)) & 0x3fff_ffff;
}
