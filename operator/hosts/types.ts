/** What the operator is told of the static hosts, and what it learns of them. */
import type { CatalogApp, HostState } from '../../core/host/catalog.ts';

/** One host. */
export interface HostSpec {
  /** Unique; names files and log fields. Lower-case letters, digits and dashes. */
  name: string;
  /** IP address or name. */
  address: string;
  /** Port of the host's plain HTTP; every other port is learnt from the host. */
  httpPort: number;
  /** Sessions it may play at once. */
  capacity: number;
  /** What rules ask for; none where absent. */
  labels?: Readonly<Record<string, string>>;
  /** Path of Wolf's API socket, where this process can open it. PINs are then typed there, and events followed. */
  wolfSocket?: string;
  /**
   * Types a PIN at the host on our behalf; asked again until it says that a client waited for one. Where there is
   * this or `wolfSocket`, every (user, app) gets an identity of its own; where there is neither, a person types the
   * PIN, the host knows one identity, and it plays one session at a time.
   */
  enterPin?: (pin: string) => Promise<boolean> | boolean;
}

/** What is known of a host now. */
export interface HostFacts extends Omit<HostState, 'apps'> {
  /** What it offers, by the ids that clients know; empty unless it is up. */
  apps: readonly CatalogApp[];
  /** Absent while it is down, as the next. */
  codecModes?: number;
  maxLumaPixelsHEVC?: number;
  /** 4 digits that a person must type at it. */
  pin?: string;
}

/** Pins users to hosts. Of several rules the first that names the user counts; a user of none may play anywhere. */
export interface HostRule {
  /** Names of users; `*` is everybody. */
  users: readonly string[];
  /** Labels that a host must carry, with these values. */
  hosts: Readonly<Record<string, string>>;
}

/** Sessions that the host may play at once: one where it knows but one identity of ours, for that is one client. */
export function capacityOf({ capacity, wolfSocket, enterPin }: HostSpec): number {
  return wolfSocket === undefined && enterPin === undefined ? 1 : capacity;
}
