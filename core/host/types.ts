/** What a Moonlight host looks like from the client's side: the host driver's contract. */
import type { ImageType } from './image.ts';
import type { HostOffer } from './offer.ts';

/** A TLS client identity: what a host knows us by. */
export interface ClientIdentity {
  certificatePem: string;
  privateKeyPem: string;
}

/** Where a host is. */
export interface HostEndpoint {
  /** IP address or name. */
  address: string;
  httpPort: number;
}

/** The facts of /serverinfo that Gleipnir uses. */
export interface HostInfo {
  hostname: string;
  uniqueid: string;
  appversion: string;
  gfeVersion: string;
  httpsPort: number;
  /** ServerCodecModeSupport bits. */
  codecModes: number;
  maxLumaPixelsHEVC: number;
  isPaired: boolean;
  isBusy: boolean;
  /** 0 when idle. */
  currentgame: number;
}

/** A picture: PNG, JPEG or WebP by its own bytes, at most 8 MiB. */
export interface BoxArt {
  type: ImageType;
  bytes: Uint8Array;
}

/** What goes into /launch or /resume. */
export interface LaunchRequest {
  appId: number;
  /** 16 bytes. */
  rikey: Uint8Array;
  /** Signed 32-bit integer. */
  rikeyid: number;
  /** The client's other parameters, passed on unchanged; always holds `mode`. */
  parameters: Readonly<Record<string, string>>;
}

/** Where the host wants RTSP, from its `sessionUrl0`. */
export interface LaunchAnswer {
  /** IP address the host was reached at. */
  address: string;
  rtspPort: number;
  /** Host part of the host's URL: the label it knows the session by. */
  label: string;
  /** Whether the scheme is `rtspenc`. */
  encrypted: boolean;
}

/** Being a Moonlight client of one host under one identity. Every call throws `GleipnirError` HOST_* on failure. */
export interface HostDriver {
  serverinfo: () => Promise<HostInfo>;
  /** What of its list clients can take. */
  applist: () => Promise<HostOffer>;
  /** Box art, or `undefined` where the host has none that is a picture. */
  appasset: (appId: number) => Promise<BoxArt | undefined>;
  /** Cancels an old game that the host still keeps under this identity first. */
  launch: (request: LaunchRequest) => Promise<LaunchAnswer>;
  resume: (request: LaunchRequest) => Promise<LaunchAnswer>;
  cancel: () => Promise<void>;
  /** Pairs this identity; resolves once the host accepted, after its person (or its API) typed `pin`. */
  pair: (pin: string, signal: AbortSignal) => Promise<void>;
}
