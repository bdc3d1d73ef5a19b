/**
 * The datapath engine: forwards what hosts send to clients. It knows each flow's two ends from `upsert`; whatever
 * is not established yet, or needs a look, it hands to the relay's rules, which decide, forward that datagram
 * themselves and call `upsert` again.
 */
import type { Flow } from '../flow.ts';

export interface DatapathStats {
  /** Which implementation runs. */
  engine: 'userspace';
  /** Ways from a host's address and port to a client. */
  routes: number;
}

export interface DatapathEngine {
  /** Takes over the host's and the client's addresses of every leg, as they are now. Idempotent. */
  upsert: (flow: Flow) => void;
  /** Forgets the flow; what its hosts still send is foreign from now on. Idempotent. */
  remove: (flow: Flow) => void;
  /** Begins and stops forwarding; flows may be known before. */
  start: () => void;
  stop: () => void;
  stats: () => DatapathStats;
}
