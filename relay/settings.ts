/** Everything that a relay of its own can be told by its environment. */
import { z } from 'zod';
import { canonicalAddress } from '../core/runtime/address.ts';
import { IpAddress, Port, wholeNumber } from '../core/runtime/config.ts';
import { AllowLoopback, healthPort, List, PART_VARIABLES, PartName } from '../core/runtime/part-settings.ts';
import { REDIS_CONFIG } from '../core/session/redis/config.ts';
import { MOONLIGHT_PORTS } from '../core/protocol/moonlight/ports.ts';
import { DATAPATH_VARIABLES } from './datapath/settings.ts';

export const RelayEnvironment = z.object({
  RELAY_NAME: PartName.describe('Of this relay, unique; under Kubernetes the name of its node.'),
  RELAY_BIND_ADDRESS: IpAddress.default('0.0.0.0').describe(
    'Address that the public ports are bound to; the UDP ports to RELAY_PUBLIC_ADDRESS where there is one.',
  ),
  RELAY_PUBLIC_ADDRESS: IpAddress.transform(canonicalAddress)
    .optional()
    .describe(
      'The relay acts while this address is on an interface of its machine, as keepalived or kube-vip move it; without it, always.',
    ),
  RELAY_HTTP_PORT: Port.default(MOONLIGHT_PORTS.http).describe('TCP, public: Moonlight HTTP.'),
  RELAY_HTTPS_PORT: Port.default(MOONLIGHT_PORTS.https).describe('TCP, public: Moonlight HTTPS.'),
  RELAY_RTSP_PORT: Port.default(MOONLIGHT_PORTS.rtsp).describe('TCP, public: RTSP.'),
  RELAY_CONTROL_PORT: Port.default(MOONLIGHT_PORTS.control).describe('UDP, public: ENet control stream.'),
  RELAY_VIDEO_PORT: Port.default(MOONLIGHT_PORTS.video).describe('UDP, public: video stream.'),
  RELAY_AUDIO_PORT: Port.default(MOONLIGHT_PORTS.audio).describe('UDP, public: audio stream.'),
  RELAY_PROXIES: List.describe(
    'IP addresses or names of the proxies; a name may have many addresses (a headless Service).',
  ),
  RELAY_PROXY_HTTP_PORT: Port.default(MOONLIGHT_PORTS.http).describe('TCP, at every proxy.'),
  RELAY_PROXY_HTTPS_PORT: Port.default(MOONLIGHT_PORTS.https).describe('TCP, at every proxy.'),
  RELAY_PROXY_RTSP_PORT: Port.default(MOONLIGHT_PORTS.rtsp).describe('TCP, at every proxy.'),
  RELAY_UPSTREAM_PORT_BASE: Port.default(20_000).describe(
    'UDP ports used towards hosts start here: slot n uses base + 3n to base + 3n + 2.',
  ),
  RELAY_SLOTS_MAX: wholeNumber(1, 4_000).default(1_000).describe('Upstream slots; as the operator has them.'),
  RELAY_ALLOW_LOOPBACK: AllowLoopback,
  RELAY_HEALTH_PORT: healthPort(47_991),
  ...DATAPATH_VARIABLES,
  ...PART_VARIABLES,
  ...REDIS_CONFIG,
});
export type RelayEnvironment = z.output<typeof RelayEnvironment>;

/** How the names of our variables begin; any other name with such a beginning is refused. */
export const SETTING_PREFIXES = ['RELAY_', 'REDIS_', 'DEPLOYMENT_', 'HEALTH_'];
