/**
 * The two SDP bodies of Moonlight's RTSP handshake: DESCRIBE's answer, where the host says what it can, and
 * ANNOUNCE, where the client says what it wants. Both are lines of `a=name:value` far from RFC 8866.
 *
 * Source: moonlight-common-c `SdpGenerator.c` (what is sent), `RtspConnection.c` (what is looked for).
 */
const DECIMAL = /^\d{1,10}$/;
const U32_MAX = 0xffff_ffff;
const SURROUND_PARAMS = /a=fmtp:97 surround-params=(\d{1,20})/g;
const HEVC = 'sprop-parameter-sets=AAAAAU';
const AV1 = 'AV1/90000';
const REF_PIC_INVALIDATION = 'x-nv-video[0].refPicInvalidation';
const BIT_STREAM_HEVC = 1;
const STEREO_MASK = 0x3;
/** WAVE channel masks of 5.1 and 7.1. */
const CHANNEL_MASKS: Readonly<Record<number, number>> = { 6: 0x3f, 8: 0x63f };

/** Media encryption bits of `encryptionSupported`, `encryptionRequested` and `encryptionEnabled`. */
export const SS_ENC = { CONTROL_V2: 1, VIDEO: 2, AUDIO: 4 } as const;

/** Bit of `nvFeatureFlags` that asks for encrypted audio, whatever `encryptionEnabled` says. */
export const NV_FEATURE_AUDIO_ENCRYPTION = 0x20;

/** What the client asked for. Fields it left out have the value that hosts take then. */
export interface Announce {
  width: number;
  height: number;
  maxFPS: number;
  /** Bytes of a video packet after its RTP header's first 16 bytes; a datagram has 16 more. 1392 if absent. */
  packetSize: number;
  /** 15500 if absent. */
  maximumBitrateKbps: number;
  /** The person's setting, of which `maximumBitrateKbps` is about 80 %. */
  configuredBitrateKbps: number | undefined;
  /** 2 if absent. */
  minRequiredFecPackets: number;
  /** 0 H.264, 1 HEVC, 2 AV1. */
  bitStreamFormat: number;
  /** SS_ENC bits; 0 if absent. */
  encryptionEnabled: number;
  /** `x-nv-general.featureFlags`, 167 if absent; `NV_FEATURE_AUDIO_ENCRYPTION` is one of its bits. */
  nvFeatureFlags: number;
  /** `x-ml-general.featureFlags`: 1 FEC status, 2 ping payload and connect data; 0 if absent. */
  mlFeatureFlags: number;
  /** 2 if absent. */
  audioChannels: number;
  /** 5 or 10; 5 if absent. */
  audioPacketDurationMs: number;
  /** Bit 0 full range, the others 0 BT.601, 1 BT.709, 2 BT.2020; 0 if absent. */
  encoderCscMode: number;
  /** 1 if absent. */
  slicesPerFrame: number;
}

/** What the host can. */
export interface Describe {
  /** Digits: channels, streams, coupled streams, mapping; two of one channel count: the second is high quality. */
  surroundParams: string[];
  /** `x-ss-general.featureFlags`: 1 pen and touch, 2 controller touch; 0 if absent. */
  featureFlags: number;
  /** SS_ENC bits; 0 if absent. */
  encryptionSupported: number;
  /** SS_ENC bits that the client must use; 0 if absent. */
  encryptionRequested: number;
  hasHEVC: boolean;
  hasAV1: boolean;
  hasRefPicInvalidation: boolean;
}

/** Value of the first line `a=name:value`, without blanks at its ends; `undefined` when there is none. */
export function readSdpAttribute(text: string, name: string): string | undefined {
  const prefix = `a=${name}:`;
  const line = text.split(/\r?\n/).find((candidate) => candidate.startsWith(prefix));
  return line?.slice(prefix.length).trim();
}

/**
 * Decodes the body of ANNOUNCE. Never throws; a value that is no unsigned 32-bit decimal counts as absent.
 *
 * @returns `undefined` without the three that no host can do without: width, height and maxFPS.
 */
export function parseAnnounce(body: Uint8Array): Announce | undefined {
  const text = latin1(body);
  const read = (name: string): number | undefined => parseU32(readSdpAttribute(text, name));

  const width = read('x-nv-video[0].clientViewportWd');
  const height = read('x-nv-video[0].clientViewportHt');
  const maxFPS = read('x-nv-video[0].maxFPS');
  if (width === undefined || height === undefined || maxFPS === undefined) return undefined;

  return {
    width,
    height,
    maxFPS,
    packetSize: read('x-nv-video[0].packetSize') ?? 1392,
    maximumBitrateKbps: read('x-nv-vqos[0].bw.maximumBitrateKbps') ?? 15_500,
    configuredBitrateKbps: read('x-ml-video.configuredBitrateKbps'),
    minRequiredFecPackets: read('x-nv-vqos[0].fec.minRequiredFecPackets') ?? 2,
    bitStreamFormat: read('x-nv-vqos[0].bitStreamFormat') ?? 0,
    encryptionEnabled: read('x-ss-general.encryptionEnabled') ?? 0,
    nvFeatureFlags: read('x-nv-general.featureFlags') ?? 167,
    mlFeatureFlags: read('x-ml-general.featureFlags') ?? 0,
    audioChannels: read('x-nv-audio.surround.numChannels') ?? 2,
    audioPacketDurationMs: read('x-nv-aqos.packetDuration') ?? 5,
    encoderCscMode: read('x-nv-video[0].encoderCscMode') ?? 0,
    slicesPerFrame: read('x-nv-video[0].videoEncoderSlicesPerFrame') ?? 1,
  };
}

/** What goes into an ANNOUNCE. */
export interface AnnounceOptions extends Announce {
  /** IP address that the client connected to, in its own text. */
  address: string;
  /** Of SETUP video. */
  videoPort: number;
}

/** Encodes the body of ANNOUNCE exactly as moonlight-common-c does towards a Sunshine-like host. */
export function formatAnnounce(options: AnnounceOptions): Uint8Array {
  const { address, videoPort } = options;
  const lines = [
    'v=0',
    `o=android 0 14 IN ${address.includes(':') ? 'IPv6' : 'IPv4'} ${address}`,
    's=NVIDIA Streaming Client',
    ...announceAttributes(options).map(([name, value]) => `a=${name}:${value} `),
    't=0 0',
    `m=video ${videoPort}  `,
  ];
  return formatLines(lines);
}

/** In the order of `SdpGenerator.c`. */
function announceAttributes(announce: Announce): [name: string, value: number][] {
  const { maximumBitrateKbps, configuredBitrateKbps, audioChannels } = announce;
  const isSurround = audioChannels > 2;
  return [
    ['x-ml-general.featureFlags', announce.mlFeatureFlags],
    ['x-ss-general.encryptionEnabled', announce.encryptionEnabled],
    ['x-ss-video[0].chromaSamplingType', 0],
    ['x-nv-video[0].clientViewportWd', announce.width],
    ['x-nv-video[0].clientViewportHt', announce.height],
    ['x-nv-video[0].maxFPS', announce.maxFPS],
    ['x-nv-video[0].packetSize', announce.packetSize],
    ['x-nv-video[0].rateControlMode', 4],
    ['x-nv-video[0].timeoutLengthMs', 7000],
    ['x-nv-video[0].framesWithInvalidRefThreshold', 0],
    ['x-nv-video[0].initialBitrateKbps', maximumBitrateKbps],
    ['x-nv-video[0].initialPeakBitrateKbps', maximumBitrateKbps],
    ['x-nv-vqos[0].bw.minimumBitrateKbps', maximumBitrateKbps],
    ['x-nv-vqos[0].bw.maximumBitrateKbps', maximumBitrateKbps],
    ...configuredBitrate(configuredBitrateKbps),
    ['x-nv-vqos[0].fec.enable', 1],
    ['x-nv-vqos[0].videoQualityScoreUpdateTime', 5000],
    ['x-nv-vqos[0].qosTrafficType', 5],
    ['x-nv-aqos.qosTrafficType', 4],
    ['x-nv-general.featureFlags', announce.nvFeatureFlags],
    ['x-nv-general.useReliableUdp', 13],
    ['x-nv-vqos[0].fec.minRequiredFecPackets', announce.minRequiredFecPackets],
    ['x-nv-vqos[0].bllFec.enable', 0],
    ['x-nv-vqos[0].drc.enable', 0],
    ['x-nv-general.enableRecoveryMode', 0],
    ['x-nv-video[0].videoEncoderSlicesPerFrame', announce.slicesPerFrame],
    ['x-nv-clientSupportHevc', announce.bitStreamFormat === BIT_STREAM_HEVC ? 1 : 0],
    ['x-nv-vqos[0].bitStreamFormat', announce.bitStreamFormat],
    ['x-nv-video[0].dynamicRangeMode', 0],
    ['x-nv-video[0].maxNumReferenceFrames', 1],
    ['x-nv-video[0].clientRefreshRateX100', announce.maxFPS * 100],
    ['x-nv-audio.surround.numChannels', audioChannels],
    ['x-nv-audio.surround.channelMask', CHANNEL_MASKS[audioChannels] ?? STEREO_MASK],
    ['x-nv-audio.surround.enable', isSurround ? 1 : 0],
    ['x-nv-audio.surround.AudioQuality', 0],
    ['x-nv-aqos.packetDuration', announce.audioPacketDurationMs],
    ['x-nv-video[0].encoderCscMode', announce.encoderCscMode],
  ];
}

function configuredBitrate(kbps: number | undefined): [name: string, value: number][] {
  return kbps === undefined ? [] : [['x-ml-video.configuredBitrateKbps', kbps]];
}

/** Decodes the body of DESCRIBE's answer by searching it, as clients do. Never throws; all is optional. */
export function parseDescribe(body: Uint8Array): Describe {
  const text = latin1(body);
  const read = (name: string): number => parseU32(readSdpAttribute(text, name)) ?? 0;
  return {
    surroundParams: Array.from(text.matchAll(SURROUND_PARAMS), ([, digits = '']) => digits),
    featureFlags: read('x-ss-general.featureFlags'),
    encryptionSupported: read('x-ss-general.encryptionSupported'),
    encryptionRequested: read('x-ss-general.encryptionRequested'),
    hasHEVC: text.includes(HEVC),
    hasAV1: text.includes(AV1),
    hasRefPicInvalidation: text.includes(REF_PIC_INVALIDATION),
  };
}

/** Encodes the body of DESCRIBE's answer; never empty, as clients refuse an empty one. */
export function formatDescribe(describe: Describe): Uint8Array {
  return formatLines([
    `a=x-ss-general.featureFlags:${describe.featureFlags}`,
    `a=x-ss-general.encryptionSupported:${describe.encryptionSupported}`,
    `a=x-ss-general.encryptionRequested:${describe.encryptionRequested}`,
    ...(describe.hasHEVC ? [HEVC] : []),
    ...(describe.hasRefPicInvalidation ? [`a=${REF_PIC_INVALIDATION}:1`] : []),
    ...(describe.hasAV1 ? [`a=rtpmap:98 ${AV1}`] : []),
    ...describe.surroundParams.map((digits) => `a=fmtp:97 surround-params=${digits}`),
  ]);
}

function formatLines(lines: string[]): Uint8Array {
  return Buffer.from(lines.map((line) => `${line}\r\n`).join(''), 'latin1');
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}

function parseU32(text: string | undefined): number | undefined {
  if (text === undefined || !DECIMAL.test(text)) return undefined;
  const value = Number(text);
  return value > U32_MAX ? undefined : value;
}
