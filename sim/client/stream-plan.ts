/** What a client computes from its settings and the host's address before it asks for a stream. */
import { isIP } from 'node:net';
import { formatSessionUrl } from '../../core/protocol/moonlight/session-url.ts';
import type { LaunchAnswer } from '../../core/host/types.ts';

const PACKET_SIZE = { local: 1392, remoteIPv4: 1024, remoteIPv6: 1184, encryptionOverhead: 32 } as const;
const BITRATE = { share: 0.8, remoteReserveKbps: 500, maxKbps: 100_000 } as const;
/** From here on a client names the host's own URL in RTSP. Source: Limelight-internal.h HIGH_AUDIO_BITRATE_THRESHOLD. */
const OWN_URL_KBPS = 15_000;

/** RFC 1918, link-local, and their IPv6 kin. 127.0.0.1 is not among them: a client takes it as remote. */
const LOCAL = [
  /^10\./,
  /^172\.(1[6-9]|2\d|3[01])\./,
  /^192\.168\./,
  /^169\.254\./,
  /^fe[89ab][0-9a-f]:/i,
  /^fe[c-f][0-9a-f]:/i,
  /^f[cd][0-9a-f]{2}:/i,
];

/** Whether a client takes the IP address for one of its own network. */
export function isLocalAddress(address: string): boolean {
  return LOCAL.some((pattern) => pattern.test(address));
}

/** `packetSize` of ANNOUNCE, bytes. */
export function planPacketSize(address: string, hasVideoEncryption: boolean): number {
  const remote = isIP(address) === 6 ? PACKET_SIZE.remoteIPv6 : PACKET_SIZE.remoteIPv4;
  const size = isLocalAddress(address) ? PACKET_SIZE.local : remote;
  return hasVideoEncryption ? size - PACKET_SIZE.encryptionOverhead : size;
}

/** Bit rate of ANNOUNCE: 80 % of the setting, which leaves the rest to FEC. */
export function planBitrateKbps(address: string, configuredKbps: number): number {
  const share = Math.trunc(configuredKbps * BITRATE.share);
  const kbps = isLocalAddress(address) ? share : share - BITRATE.remoteReserveKbps;
  return Math.min(kbps, BITRATE.maxKbps);
}

/** What OPTIONS and DESCRIBE name: the host's own URL, or nothing at all below 15 Mbit/s. */
export function planRtspTarget(answer: LaunchAnswer, configuredKbps: number): { url: string; host: string } {
  if (configuredKbps < OWN_URL_KBPS) return { url: `rtsp://0.0.0.0:${answer.rtspPort}`, host: '0.0.0.0' };
  const { encrypted, label: host, rtspPort: port } = answer;
  return { url: formatSessionUrl({ encrypted, host, port }), host };
}
