/**
 * The datapath engine: forwards what hosts send to clients. It knows each flow's two ends from `upsert`; whatever
 * is not established yet, or needs a look, it hands to the relay's rules, which decide, forward that datagram
 * themselves and call `upsert` again.
 */
import type { RemoteInfo } from 'node:dgram';
import type { Flow, UpstreamPort } from '../flow/flow.ts';

export interface DatapathStats {
  /** Which implementation runs. */
  engine: 'userspace' | 'kernel';
  /** Why this one, for people. */
  reason: string;
  /** Ways from a host's address and port to a client. */
  routes: number;
  /** Those of them that the kernel forwards by itself. */
  inKernel: number;
}

export interface DatapathEngine {
  /** Takes over the host's and the client's addresses of every leg, as they are now. Idempotent. */
  upsert: (flow: Flow) => void;
  /** Forgets the flow; what its hosts still send is foreign from now on. Idempotent. */
  remove: (flow: Flow) => void;
  /** Takes a datagram that came to `port` of a slot. */
  readonly receive: (port: UpstreamPort, datagram: Buffer, source: RemoteInfo) => void;
  /** Begins and stops forwarding; flows may be known before. */
  start: () => void;
  stop: () => void;
  /** Takes what was counted elsewhere into the legs and counters; called every tick. */
  collect: () => void;
  stats: () => DatapathStats;
}
