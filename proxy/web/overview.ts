/** What the first page says at a glance: where clients find this machine, what needs a person, what runs here. */
import type { PendingExchange } from '../pairing/types.ts';
import { versionOf, type HostView, type Listing, type SessionView } from './facts.ts';

/** What does not come from the stores: this process and its machine. */
export interface About {
  /** Of Gleipnir. */
  version: string;
  /** What to type into Moonlight: addresses of this machine, with the port where it must be said. */
  addresses: readonly string[];
  /** The same from beyond the router; `null` where none is known. */
  awayAddress: string | null;
  /** What forwards streams, and why it is this. */
  datapath: { engine: string; reason: string };
}

/** What needs a person, the most urgent first. */
export type Attention =
  | { kind: 'pinOfClient'; address: string }
  | { kind: 'pinOfHost'; host: string }
  | { kind: 'hostDown'; host: string }
  | { kind: 'frozen'; sessionId: string; app: string; client: string };

export interface Overview extends Listing<Attention> {
  about: About;
}

export interface Seen {
  pending: readonly PendingExchange[];
  hosts: readonly HostView[];
  sessions: readonly SessionView[];
}

export function overviewOf(about: About, seen: Seen): Overview {
  const items = attentionOf(seen);
  const shown = [about, seen.pending, seen.hosts.map(({ pin }) => pin), items];
  return { version: versionOf(shown), items, about };
}

function attentionOf({ pending, hosts, sessions }: Seen): Attention[] {
  return [
    ...pending.flatMap(({ address, awaitsPin }) =>
      awaitsPin ? { kind: 'pinOfClient' as const, address } : [],
    ),
    ...hosts.flatMap(({ name, pin }) => (pin === null ? [] : { kind: 'pinOfHost' as const, host: name })),
    ...hosts.flatMap(({ name, state }) =>
      state === 'down' ? { kind: 'hostDown' as const, host: name } : [],
    ),
    ...sessions.flatMap(({ id, app, client, isFrozen }) =>
      isFrozen ? { kind: 'frozen' as const, sessionId: id, app, client } : [],
    ),
  ];
}
