/** Everything the appliance can be told by its environment. */
import { z } from 'zod';
import { DurationMs, IpAddress, Port, wholeNumber } from '../core/runtime/config.ts';
import { List, LOG_VARIABLES } from '../core/runtime/part-settings.ts';
import { DATAPATH_VARIABLES, datapathOf } from '../relay/datapath/settings.ts';

export const ApplianceConfig = z
  .object({
    APPLIANCE_BIND_ADDRESS: IpAddress.default('0.0.0.0').describe(
      'Address that clients reach; 0.0.0.0 for every IPv4 address of this machine.',
    ),
    APPLIANCE_EXTERNAL_ADDRESS: IpAddress.optional().describe(
      'Public address of this machine where a router maps it, told to clients for use away from home.',
    ),
    APPLIANCE_HTTP_PORT: Port.default(47_989).describe('TCP: Moonlight HTTP, pairing.'),
    APPLIANCE_HTTPS_PORT: Port.default(47_984).describe('TCP: Moonlight HTTPS.'),
    APPLIANCE_RTSP_PORT: Port.default(48_010).describe('TCP: RTSP.'),
    APPLIANCE_CONTROL_PORT: Port.default(47_999).describe('UDP: ENet control stream.'),
    APPLIANCE_VIDEO_PORT: Port.default(48_100).describe('UDP: video stream.'),
    APPLIANCE_AUDIO_PORT: Port.default(48_200).describe('UDP: audio stream.'),
    APPLIANCE_WEB_ADDRESS: IpAddress.default('127.0.0.1').describe(
      'Address of the console; beyond loopback it needs a login.',
    ),
    APPLIANCE_WEB_PORT: Port.default(47_990).describe('TCP: console, /healthz, /metrics.'),
    APPLIANCE_WEB_HOST_NAMES: List.describe(
      'Names, besides localhost, under which browsers reach the console.',
    ),
    APPLIANCE_WEB_PASSWORD_FILE: z
      .string()
      .optional()
      .describe('Who may log in to the console: docs/console.md.'),
    APPLIANCE_WEB_TRUSTED_PROXIES: List.describe(
      'IP addresses of authenticating proxies, whose word on the user the console takes.',
    ),
    APPLIANCE_WEB_USER_HEADER: z
      .string()
      .regex(/^[A-Za-z0-9-]{1,64}$/, 'the name of a header: letters, digits and dashes')
      .default('X-Forwarded-User')
      .describe('Header in which they name the user.'),
    APPLIANCE_METRICS_ADDRESSES: List.describe('IP addresses that may read /metrics without login.'),
    APPLIANCE_UPSTREAM_PORT_BASE: Port.default(20_000).describe(
      'UDP ports used towards hosts start here: slot n uses base + 3n to base + 3n + 2. 0: any free ports.',
    ),
    APPLIANCE_SLOTS_MAX: wholeNumber(1, 4_000)
      .default(1_000)
      .describe('Upstream slots, i.e. sessions per host.'),
    APPLIANCE_GRACE_MS: DurationMs.default(600_000).describe('How long a game without a player is kept.'),
    APPLIANCE_HOSTNAME: z.string().min(1).max(60).default('Gleipnir').describe('Name that clients show.'),
    APPLIANCE_MDNS: z
      .enum(['on', 'off'])
      .default('on')
      .describe(
        'Whether Moonlight on the local network finds this host by itself, by multicast DNS (UDP 5353).',
      ),
    APPLIANCE_DATA_DIR: z.string().min(1).default('data').describe('Identity, pairings, sessions, keys.'),
    APPLIANCE_HOSTS_FILE: z
      .string()
      .min(1)
      .default('hosts.yaml')
      .describe(
        'The hosts; without a hosts.yaml a demo host runs in this process. A file named here must be there.',
      ),
    ...DATAPATH_VARIABLES,
    ...LOG_VARIABLES,
  })
  .superRefine((env, context) => {
    for (const [one, other] of sharedPorts(env)) {
      const message = `${one} and ${other} are the same port: give each one of its own.`;
      context.addIssue({ code: 'custom', path: [other], message });
    }
  })
  .transform((env) => ({
    bindAddress: env.APPLIANCE_BIND_ADDRESS,
    ...(env.APPLIANCE_EXTERNAL_ADDRESS === undefined
      ? {}
      : { externalAddress: env.APPLIANCE_EXTERNAL_ADDRESS }),
    ports: {
      http: env.APPLIANCE_HTTP_PORT,
      https: env.APPLIANCE_HTTPS_PORT,
      rtsp: env.APPLIANCE_RTSP_PORT,
      control: env.APPLIANCE_CONTROL_PORT,
      video: env.APPLIANCE_VIDEO_PORT,
      audio: env.APPLIANCE_AUDIO_PORT,
      web: env.APPLIANCE_WEB_PORT,
    },
    web: {
      bindAddress: env.APPLIANCE_WEB_ADDRESS,
      hostNames: env.APPLIANCE_WEB_HOST_NAMES,
      ...(env.APPLIANCE_WEB_PASSWORD_FILE === undefined
        ? {}
        : { passwordFile: env.APPLIANCE_WEB_PASSWORD_FILE }),
      trustedProxies: env.APPLIANCE_WEB_TRUSTED_PROXIES,
      userHeader: env.APPLIANCE_WEB_USER_HEADER,
      metricsAddresses: env.APPLIANCE_METRICS_ADDRESSES,
    },
    upstreamPortBase: env.APPLIANCE_UPSTREAM_PORT_BASE,
    slotsMax: env.APPLIANCE_SLOTS_MAX,
    datapath: datapathOf(env),
    graceMs: env.APPLIANCE_GRACE_MS,
    hostname: env.APPLIANCE_HOSTNAME,
    isAnnounced: env.APPLIANCE_MDNS === 'on',
    dataDir: env.APPLIANCE_DATA_DIR,
    hostsFile: env.APPLIANCE_HOSTS_FILE,
    logLevel: env.LOG_LEVEL,
    logFormat: env.LOG_FORMAT,
  }));

export type ApplianceConfig = z.output<typeof ApplianceConfig>;

/** How the names of our variables begin; any other name with such a beginning is refused. */
export const SETTING_PREFIXES = ['APPLIANCE_', 'RELAY_'];

const TCP_PORTS = [
  'APPLIANCE_HTTP_PORT',
  'APPLIANCE_HTTPS_PORT',
  'APPLIANCE_RTSP_PORT',
  'APPLIANCE_WEB_PORT',
] as const;
const UDP_PORTS = ['APPLIANCE_CONTROL_PORT', 'APPLIANCE_VIDEO_PORT', 'APPLIANCE_AUDIO_PORT'] as const;
type PortName = (typeof TCP_PORTS | typeof UDP_PORTS)[number];
type PortSettings = Record<PortName | 'APPLIANCE_BIND_ADDRESS' | 'APPLIANCE_WEB_ADDRESS', number | string>;

/** Pairs of settings that ask for the same port of the same address. */
function sharedPorts(env: PortSettings): [PortName, PortName][] {
  const addressOf = (name: PortName): number | string =>
    name === 'APPLIANCE_WEB_PORT' ? env.APPLIANCE_WEB_ADDRESS : env.APPLIANCE_BIND_ADDRESS;
  const meets = (one: PortName, other: PortName): boolean => {
    const [at, otherAt] = [addressOf(one), addressOf(other)];
    return env[one] !== 0 && env[one] === env[other] && (at === otherAt || [at, otherAt].some(isWildcard));
  };
  return [TCP_PORTS, UDP_PORTS].flatMap((names) =>
    names.flatMap((one, index) =>
      names
        .slice(index + 1)
        .filter((other) => meets(one, other))
        .map((other): [PortName, PortName] => [one, other]),
    ),
  );
}

function isWildcard(address: number | string): boolean {
  return address === '0.0.0.0' || address === '::';
}
