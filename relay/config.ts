/** Everything the relay can be told, by its environment or by whoever wires it into a larger process. */
import { z } from 'zod';
import { DurationMs, Port } from '../core/runtime/config.ts';

const Count = z.coerce.number().int().positive();

/** Labels are 0..0xffe, so more flows could not be told apart. */
const FLOWS_MAX = 0xfff;

/** What must be told to a relay. Ports of 0 let the system choose. */
export interface RelayConfig {
  /** IP address the public ports are bound to; `::` serves IPv4 as well. */
  bindAddress: string;
  controlPort: number;
  videoPort: number;
  audioPort: number;
  /** Slot n uses the UDP ports base + 3n to base + 3n + 2 towards hosts; 0: any free ports. */
  upstreamPortBase: number;
  /** Slots are 0..slotsMax-1; so many may be open at once. */
  slotsMax: number;
  /** Whether a host may be on this machine. */
  allowLoopback: boolean;
  /** Flows held at once, those of ended generations included; at most 4095. Default 4095. */
  flowsMax?: number;
  /** A live client without a control datagram for so long has gone. Default 10 s, the client's own patience. */
  silentMs?: number;
  /** A flow whose session row vanished ends after so long without anything from the client. Default 60 s. */
  idleMs?: number;
}

/** `RelayConfig` with its defaults filled in. */
export type RelaySettings = Required<RelayConfig>;

export const DEFAULTS = { flowsMax: FLOWS_MAX, silentMs: 10_000, idleMs: 60_000 } as const;

/** Environment of a relay that runs as a process of its own. */
export const RelayEnvironment = z
  .object({
    RELAY_BIND_ADDRESS: z
      .union([z.ipv4(), z.ipv6()])
      .default('0.0.0.0')
      .describe('Address that clients reach.'),
    RELAY_CONTROL_PORT: Port.default(47_999).describe('UDP: ENet control stream.'),
    RELAY_VIDEO_PORT: Port.default(48_100).describe('UDP: video stream.'),
    RELAY_AUDIO_PORT: Port.default(48_200).describe('UDP: audio stream.'),
    RELAY_UPSTREAM_PORT_BASE: Port.default(20_000).describe(
      'UDP ports used towards hosts start here: slot n uses base + 3n to base + 3n + 2. 0: any free ports.',
    ),
    RELAY_SLOTS_MAX: Count.max(4_000).default(1_000).describe('Upstream slots, i.e. sessions per host.'),
    RELAY_ALLOW_LOOPBACK: z.stringbool().default(false).describe('Whether a host may be on this machine.'),
    RELAY_FLOWS_MAX: Count.max(FLOWS_MAX).default(DEFAULTS.flowsMax).describe('Flows held at once.'),
    RELAY_SILENT_MS: DurationMs.default(DEFAULTS.silentMs).describe(
      'A client without a control datagram for so long has gone; its game is kept.',
    ),
    RELAY_IDLE_MS: DurationMs.default(DEFAULTS.idleMs).describe(
      'A flow whose session row vanished ends after so long without anything from its client.',
    ),
  })
  .transform((env): RelaySettings => ({
    bindAddress: env.RELAY_BIND_ADDRESS,
    controlPort: env.RELAY_CONTROL_PORT,
    videoPort: env.RELAY_VIDEO_PORT,
    audioPort: env.RELAY_AUDIO_PORT,
    upstreamPortBase: env.RELAY_UPSTREAM_PORT_BASE,
    slotsMax: env.RELAY_SLOTS_MAX,
    allowLoopback: env.RELAY_ALLOW_LOOPBACK,
    flowsMax: env.RELAY_FLOWS_MAX,
    silentMs: env.RELAY_SILENT_MS,
    idleMs: env.RELAY_IDLE_MS,
  }));
