/**
 * Rows of the session table. Each kind has one writer:
 *
 *   kind      writer     says
 *   session   operator   where a session's bytes go, and its tokens
 *   launch    proxy      what the client asked in /launch or /resume
 *   stream    proxy      what the host answered in the RTSP handshake
 *   flow      relay      where the client is, and how its stream does
 *   exchange  proxy      a client that pairs, and how far it is (exchange-record.ts)
 *   host      operator   how a static host is and what it offers (host-record.ts)
 *   art       operator   the box art of an app (host-record.ts)
 *
 * Rows are validated when they are read from outside this process, never on the data path.
 */
import { z } from 'zod';
import { ExchangeRecord } from './exchange-record.ts';
import { ArtRecord, HostRecord } from './host-record.ts';

const Id = z.string().min(1).max(64);
/** `flowRowId` of a session and a relay; rows of older versions are called by their session alone. */
const FlowId = z.string().min(1).max(128);
const Generation = z.number().int().positive();
const PortNumber = z.number().int().min(1).max(65_535);
const U32 = z.number().int().min(0).max(0xffff_ffff);
const U16 = z.number().int().min(0).max(0xffff);
/** An IP address in canonical text (`canonicalAddress`). */
const Address = z.string().min(2).max(45);
const Endpoint = z.object({ address: Address, port: PortNumber });
/** 16 printable ASCII characters. */
const PingPayload = z.string().regex(/^[\x20-\x7e]{16}$/);

export const SESSION_STATES = ['pending', 'ready', 'streaming', 'paused', 'ended'] as const;

/** Written by the operator. A new generation in state `pending` asks the relay to close the older one. */
export const SessionRecord = z.object({
  id: Id,
  generation: Generation,
  state: z.enum(SESSION_STATES),
  client: z.object({ address: Address }),
  keys: z.object({
    /** 16 bytes, the client's AES key of this generation, sealed with the deployment key. */
    rikey: z.string(),
    /** As a signed 32-bit integer, as clients print it. */
    rikeyid: z.number().int(),
  }),
  tokens: z.object({
    pingPayload: PingPayload,
    /** Our X-SS-Connect-Data. */
    connectData: U32,
    /** Value of our RTSP `Session` header. */
    rtspSession: z.string().min(8).max(64),
    /** Host part of our sessionUrl0. */
    rtspLabel: z.string().min(8).max(47),
    /** ENet peer id that the client uses towards the relay, unique among live sessions. */
    peerId: z.number().int().min(0).max(0xffe),
  }),
  /** What it holds at which host, so that whoever leads next can end it, even if its object is gone by then. */
  place: z.object({ host: z.string(), user: z.string(), appId: z.number().int() }).optional(),
  /** Of the game as it was started last; absent until then. Streams only when `ready` or `streaming`. */
  host: z
    .object({
      name: z.string(),
      /** `label` is the host part of the host's own sessionUrl0. */
      rtsp: Endpoint.extend({ label: z.string(), encrypted: z.boolean() }),
    })
    .optional(),
  upstream: z.object({
    /** Source address towards the host; the wildcard lets the kernel choose. */
    address: Address,
    /** Index of the triple of local ports used towards the host. */
    slot: z.number().int().min(0),
  }),
});
export type SessionRecord = z.output<typeof SessionRecord>;

/** Written by the proxy before the Session object; a resume raises `generation`. */
export const LaunchRecord = z.object({
  id: Id,
  generation: Generation,
  verb: z.enum(['launch', 'resume']),
  appId: z.number().int(),
  /** Every query parameter of the client but rikey, rikeyid, appid, uniqueid, uuid: passed on unchanged. */
  parameters: z.record(z.string(), z.string()),
  rikey: z.string(),
  rikeyid: z.number().int(),
  /** `corever` of the request; 0 where absent. */
  corever: z.number().int(),
  clientAddress: Address,
  /** Pairing of the client that asked: the one that plays from this generation on. */
  pairingName: z.string().min(1).max(253).optional(),
});
export type LaunchRecord = z.output<typeof LaunchRecord>;

/** Written by the proxy as the RTSP handshake of this generation proceeds; fields appear step by step. */
export const StreamRecord = z.object({
  id: Id,
  generation: Generation,
  /** The host's own RTSP `Session` value. */
  hostSession: z.string().optional(),
  audio: Endpoint.extend({ pingPayload: PingPayload.optional() }).optional(),
  video: Endpoint.extend({ pingPayload: PingPayload.optional() }).optional(),
  control: Endpoint.extend({ connectData: U32 }).optional(),
  /** SS_ENC_* bits of ANNOUNCE `x-ss-general.encryptionEnabled`; bit 1 means control v2. */
  encryptionEnabled: z.number().int().optional(),
  /** Whether PLAY was answered with 200. */
  isPlaying: z.boolean(),
});
export type StreamRecord = z.output<typeof StreamRecord>;

export const FLOW_STATUSES = ['waiting', 'live', 'silent', 'disconnected', 'closed'] as const;

/** Written by the relay: facts it observed, and what another relay needs to take over. */
export const FlowRecord = z.object({
  id: FlowId,
  generation: Generation,
  /**
   * waiting: no VERIFY_CONNECT yet; live; silent: control idle too long; disconnected: an ENet DISCONNECT
   * passed; closed: the relay has ended this generation, the driver may act.
   */
  status: z.enum(FLOW_STATUSES),
  client: z.object({ control: Endpoint.optional(), video: Endpoint.optional(), audio: Endpoint.optional() }),
  control: z
    .object({
      /** Raw bytes read as little-endian; only compared. */
      connectID: U32,
      hostPeerID: U16.optional(),
      clientPeerID: U16,
      hostSessionID: z.number().int().min(0).max(3).optional(),
      clientSessionID: z.number().int().min(0).max(3).optional(),
      /** Highest `seq` of the client's encrypted messages, -1 before the first. */
      highestSeq: z.number().int().min(-1),
    })
    .optional(),
  /** Highest counter of the client's pings. */
  pingCounters: z.object({ audio: U32, video: U32 }),
  /** Milliseconds since the epoch of the client's last authentic datagram; 0 before the first. */
  lastSeenAt: z.number(),
  datagrams: z.object({ video: z.number(), audio: z.number(), control: z.number() }),
  bytes: z.object({ video: z.number(), audio: z.number(), control: z.number() }),
  /** Whether no media came from the host for seconds while control lives. */
  isFrozen: z.boolean().optional(),
  /** How the stream does, over the last seconds where not said otherwise. */
  quality: z
    .object({
      /** Bits per second, forwarded to the client. */
      videoBps: z.number(),
      audioBps: z.number(),
      /** RTP datagrams that did not come from the host, and those that did, of this generation. */
      videoLost: z.number(),
      videoDatagrams: z.number(),
      /** Interarrival jitter of video before the relay, ms. */
      jitterMs: z.number(),
      /** Of the client's ENet; absent before it is known. */
      rttMs: z.number().optional(),
      /** The client's FEC reports of this generation. */
      fecReports: z.number(),
    })
    .optional(),
});
export type FlowRecord = z.output<typeof FlowRecord>;

/** Every row kind by name. */
export interface RowOf {
  session: SessionRecord;
  launch: LaunchRecord;
  stream: StreamRecord;
  flow: FlowRecord;
  exchange: ExchangeRecord;
  host: HostRecord;
  art: ArtRecord;
}
export type RowKind = keyof RowOf;
export const ROW_SCHEMAS = {
  session: SessionRecord,
  launch: LaunchRecord,
  stream: StreamRecord,
  flow: FlowRecord,
  exchange: ExchangeRecord,
  host: HostRecord,
  art: ArtRecord,
} as const;
