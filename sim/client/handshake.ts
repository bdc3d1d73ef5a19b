/**
 * The seven RTSP requests of a client, sans I/O: a generator that yields each request and is given its reply.
 * Source: moonlight-common-c `RtspConnection.c`, at appversion 7.1.431.-1.
 */
import {
  formatAnnounce,
  NV_FEATURE_AUDIO_ENCRYPTION,
  parseDescribe,
  SS_ENC,
  type AnnounceOptions,
  type Describe,
} from '../../core/protocol/sdp.ts';
import {
  findHeader,
  type RtspHeader,
  type RtspRequest,
  type RtspResponse,
} from '../../core/protocol/rtsp/message.ts';
import { MOONLIGHT_PORTS } from '../../core/protocol/moonlight/ports.ts';
import { GleipnirError } from '../../core/runtime/errors.ts';
import { planBitrateKbps, planPacketSize } from './stream-plan.ts';

const CLIENT_VERSION = '14';
const OK = 200;
const PING_PAYLOAD_SIZE = 16;
const EPOCH: RtspHeader = ['If-Modified-Since', 'Thu, 01 Jan 1970 00:00:00 GMT'];
/** Low audio latency, no audio encryption. */
const NV_FEATURES = 135;
const ML_FEATURES = 3;
const NO_BODY: Uint8Array = new Uint8Array();

/** What the person configured. */
export interface StreamSettings {
  width: number;
  height: number;
  fps: number;
  bitrateKbps: number;
  wantsVideoEncryption: boolean;
  wantsAudioEncryption: boolean;
  /** `undefined`: a client so old that it knows no encryption but the control stream's. */
  corever: number | undefined;
}

/** One media stream, as SETUP gave it. */
export interface MediaSetup {
  port: number;
  /** 16 characters; `undefined`: legacy pings. */
  pingPayload: string | undefined;
}

/** All that the UDP streams need. */
export interface Negotiated {
  audio: MediaSetup;
  video: MediaSetup;
  control: { port: number; connectData: number };
  controlVersion: 'v1' | 'v2';
  hasVideoEncryption: boolean;
  hasAudioEncryption: boolean;
}

export interface HandshakeOptions {
  /** IP address of the host. */
  address: string;
  /** What OPTIONS and DESCRIBE name, and the `Host` of all. */
  target: { url: string; host: string };
  settings: StreamSettings;
  /** Called when SETUP audio is answered: the audio pings begin there. */
  onAudioSetup: (audio: MediaSetup) => void;
}

/** @throws GleipnirError HOST_REFUSED for a status other than 200, and for replies that lack what a client needs. */
export function* handshake(o: HandshakeOptions): Generator<RtspRequest, Negotiated, RtspResponse> {
  const requests = new Requests(o.target.host);
  requireOk(yield requests.next('OPTIONS', o.target.url), 'OPTIONS');

  const described = requireOk(
    yield requests.next('DESCRIBE', o.target.url, [['Accept', 'application/sdp'], EPOCH]),
    'DESCRIBE',
  );
  if (described.body.length === 0) throw refused('DESCRIBE', described.status);
  const encryption = negotiate(parseDescribe(described.body), o.settings);

  const audioReply = requireOk(yield requests.setup('streamid=audio/0/0'), 'SETUP audio');
  const session = findHeader(audioReply.headers, 'Session')?.split(';')[0];
  if (session === undefined || session === '') throw refused('SETUP audio', audioReply.status);
  requests.session = session;
  const audio = readSetup(audioReply, MOONLIGHT_PORTS.audio);
  o.onAudioSetup(audio);

  const video = readSetup(
    requireOk(yield requests.setup('streamid=video/0/0'), 'SETUP video'),
    MOONLIGHT_PORTS.video,
  );
  const controlReply = requireOk(yield requests.setup('streamid=control/13/0'), 'SETUP control');
  const { port } = readSetup(controlReply, MOONLIGHT_PORTS.control);
  const control = { port, connectData: readConnectData(controlReply) };

  const body = formatAnnounce(makeAnnounce(o, video.port, encryption));
  requireOk(yield requests.announce(body), 'ANNOUNCE');
  requireOk(yield requests.next('PLAY', '/'), 'PLAY');
  return {
    audio,
    video,
    control,
    controlVersion: (encryption.enabled & SS_ENC.CONTROL_V2) === 0 ? 'v1' : 'v2',
    hasVideoEncryption: (encryption.enabled & SS_ENC.VIDEO) !== 0,
    hasAudioEncryption: encryption.hasAudio,
  };
}

/** Numbers the requests and gives each the headers all have. */
class Requests {
  session: string | undefined;
  readonly #host: string;
  #CSeq = 0;

  constructor(host: string) {
    this.#host = host;
  }

  next(method: string, target: string, headers: RtspHeader[] = [], body = NO_BODY): RtspRequest {
    this.#CSeq += 1;
    const common: RtspHeader[] = [
      ['CSeq', String(this.#CSeq)],
      ['X-GS-ClientVersion', CLIENT_VERSION],
      ['Host', this.#host],
    ];
    const session: RtspHeader[] = this.session === undefined ? [] : [['Session', this.session]];
    return { method, target, headers: [...common, ...session, ...headers], body };
  }

  setup(target: string): RtspRequest {
    return this.next('SETUP', target, [['Transport', 'unicast;X-GS-ClientPort=50000-50001'], EPOCH]);
  }

  announce(body: Uint8Array): RtspRequest {
    const headers: RtspHeader[] = [
      ['Content-type', 'application/sdp'],
      ['Content-length', String(body.length)],
    ];
    return this.next('ANNOUNCE', 'streamid=control/13/0', headers, body);
  }
}

/** SS_ENC bits to announce; audio may be on without its bit: a client that wants it does not ask who offers it. */
interface Encryption {
  enabled: number;
  hasAudio: boolean;
}

function negotiate(describe: Describe, settings: StreamSettings): Encryption {
  const { encryptionSupported: supported, encryptionRequested: requested } = describe;
  if (settings.corever === undefined) return { enabled: 0, hasAudio: settings.wantsAudioEncryption };
  const wanted =
    SS_ENC.CONTROL_V2 |
    (settings.wantsVideoEncryption ? SS_ENC.VIDEO : 0) |
    (settings.wantsAudioEncryption ? SS_ENC.AUDIO : 0);
  const enabled = (supported & wanted) | (requested & (SS_ENC.VIDEO | SS_ENC.AUDIO));
  return { enabled, hasAudio: settings.wantsAudioEncryption || (enabled & SS_ENC.AUDIO) !== 0 };
}

function makeAnnounce(
  { address, settings }: HandshakeOptions,
  videoPort: number,
  encryption: Encryption,
): AnnounceOptions {
  const { width, height, fps, bitrateKbps } = settings;
  return {
    address,
    videoPort,
    width,
    height,
    maxFPS: fps,
    packetSize: planPacketSize(address, (encryption.enabled & SS_ENC.VIDEO) !== 0),
    maximumBitrateKbps: planBitrateKbps(address, bitrateKbps),
    configuredBitrateKbps: bitrateKbps,
    minRequiredFecPackets: 2,
    bitStreamFormat: 0,
    encryptionEnabled: encryption.enabled,
    nvFeatureFlags: NV_FEATURES | (encryption.hasAudio ? NV_FEATURE_AUDIO_ENCRYPTION : 0),
    mlFeatureFlags: ML_FEATURES,
    audioChannels: 2,
    audioPacketDurationMs: 5,
    encoderCscMode: 2,
    slicesPerFrame: 1,
  };
}

function readSetup({ headers }: RtspResponse, defaultPort: number): MediaSetup {
  const port = Number(/server_port=(\d{1,5})/.exec(findHeader(headers, 'Transport') ?? '')?.[1]);
  const payload = findHeader(headers, 'X-SS-Ping-Payload');
  return {
    port: port > 0 && port <= 0xffff ? port : defaultPort,
    pingPayload: payload?.length === PING_PAYLOAD_SIZE ? payload : undefined,
  };
}

/** Decimal or 0x; 0 where absent, as a client takes it. */
function readConnectData({ headers }: RtspResponse): number {
  const value = Number(findHeader(headers, 'X-SS-Connect-Data') ?? '0');
  return Number.isInteger(value) ? value >>> 0 : 0;
}

function requireOk(reply: RtspResponse, request: string): RtspResponse {
  if (reply.status !== OK) throw refused(request, reply.status);
  return reply;
}

function refused(request: string, status: number): GleipnirError {
  return new GleipnirError('HOST_REFUSED', 'The host refused the RTSP handshake', { request, status });
}
