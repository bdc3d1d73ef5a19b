/** Everything the relay can be told by whoever wires it. */
import type { Datapath } from './datapath/select.ts';

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
  /** A live stream without video from its host for so long is frozen. Default 1 s. */
  frozenMs?: number;
  /** A flow whose session row vanished ends after so long without anything from the client. Default 60 s. */
  idleMs?: number;
  /** Where streams are forwarded. Default `userspace`. */
  datapath?: Datapath;
  /** Devices that hosts' datagrams come in by. Default: every Ethernet device that is up. */
  datapathDevices?: readonly string[];
  /** veth devices of this network namespace behind which clients are, whose other end is no bridge port. Default none. */
  datapathPeerDevices?: readonly string[];
  /** Where in a bpffs the kernel's part outlives the process, so that a restart loses nothing. Default nowhere. */
  datapathPinFolder?: string;
}

/** `RelayConfig` with its defaults filled in. */
export type RelaySettings = Required<RelayConfig>;

export const DEFAULTS = {
  flowsMax: FLOWS_MAX,
  silentMs: 10_000,
  frozenMs: 1_000,
  idleMs: 60_000,
  datapath: 'userspace',
  datapathDevices: [],
  datapathPeerDevices: [],
  datapathPinFolder: '',
} as const;
