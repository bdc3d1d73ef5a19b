/** Everything that a proxy of its own can be told by its environment. */
import { z } from 'zod';
import { IpAddress, Port } from '../core/runtime/config.ts';
import { AllowLoopback, healthPort, List, PART_VARIABLES, PartName } from '../core/runtime/part-settings.ts';
import { MOONLIGHT_PORTS } from '../core/protocol/moonlight/ports.ts';
import { REDIS_CONFIG } from '../core/session/redis/config.ts';
import { KUBERNETES_VARIABLES } from '../core/store/kubernetes/config.ts';

export const ProxyEnvironment = z.object({
  PROXY_NAME: PartName.describe('Of this proxy, unique; under Kubernetes the name of its pod.'),
  PROXY_BIND_ADDRESS: IpAddress.default('0.0.0.0').describe('Address that relays reach.'),
  PROXY_EXTERNAL_ADDRESS: IpAddress.optional().describe(
    'Public address, told to clients for use away from home, where they come in by another one.',
  ),
  PROXY_HTTP_PORT: Port.default(MOONLIGHT_PORTS.http).describe('TCP: Moonlight HTTP, as the relays have it.'),
  PROXY_HTTPS_PORT: Port.default(MOONLIGHT_PORTS.https).describe(
    'TCP: Moonlight HTTPS, as the relays have it.',
  ),
  PROXY_RTSP_PORT: Port.default(MOONLIGHT_PORTS.rtsp).describe('TCP: RTSP, as the relays have it.'),
  PROXY_CONTROL_PORT: Port.default(MOONLIGHT_PORTS.control).describe(
    'UDP port of the relays, told to clients.',
  ),
  PROXY_VIDEO_PORT: Port.default(MOONLIGHT_PORTS.video).describe('UDP port of the relays, told to clients.'),
  PROXY_AUDIO_PORT: Port.default(MOONLIGHT_PORTS.audio).describe('UDP port of the relays, told to clients.'),
  PROXY_TRUSTED_ADDRESSES: List.describe(
    'IP addresses of balancers whose PROXY protocol headers (version 2) count; those of our relays prove themselves.',
  ),
  PROXY_IDENTITY_DIR: z
    .string()
    .min(1)
    .describe('Folder with identity.json: who this host is; the same for all proxies.'),
  PROXY_HOSTNAME: z.string().min(1).max(60).default('Gleipnir').describe('Name that clients show.'),
  PROXY_ALLOW_LOOPBACK: AllowLoopback,
  PROXY_WEB_ADDRESS: IpAddress.default('127.0.0.1').describe(
    'Address of the console; beyond loopback it needs a login.',
  ),
  PROXY_WEB_PORT: Port.default(47_990).describe('TCP: console.'),
  PROXY_WEB_HOST_NAMES: List.describe('Names, besides localhost, under which browsers reach the console.'),
  PROXY_WEB_PASSWORD_FILE: z.string().optional().describe('Who may log in to the console: docs/console.md.'),
  PROXY_WEB_TRUSTED_PROXIES: List.describe(
    'IP addresses of authenticating proxies, whose word on the user the console takes.',
  ),
  PROXY_WEB_USER_HEADER: z
    .string()
    .regex(/^[A-Za-z0-9-]{1,64}$/, 'the name of a header: letters, digits and dashes')
    .default('X-Forwarded-User')
    .describe('Header in which they name the user.'),
  PROXY_HEALTH_PORT: healthPort(47_992),
  ...PART_VARIABLES,
  ...REDIS_CONFIG,
  ...KUBERNETES_VARIABLES,
});
export type ProxyEnvironment = z.output<typeof ProxyEnvironment>;

/** How the names of our variables begin; any other name with such a beginning is refused. */
export const SETTING_PREFIXES = ['PROXY_', 'REDIS_', 'DEPLOYMENT_', 'HEALTH_'];
