/**
 * How a generation ends. A host whose client just vanishes keeps the ENet peer for seconds and then pauses whatever
 * streams by that time, so the relay ends the peer itself, before anybody acts on the host; and a client whose
 * session is over is told so, instead of being left with a frozen picture.
 */
import { NEVER } from '../clock/clock.ts';
import { setStatus, type RelayContext } from '../context.ts';
import { formatHostDisconnect, formatTermination } from '../control/messages.ts';
import { isOpen, UNKNOWN, type Flow } from '../flow/flow.ts';

/** Older than this, the host's peer is gone by itself, and its id may belong to somebody else. */
const HOST_ALIVE_MS = 5_000;
/** Unreliable messages are repeated while the client does not answer. */
const TERMINATION_INTERVAL_MS = 200;
const TERMINATIONS_MAX = 3;

/** How long an ended flow stays, for the last words of both sides. */
export const LINGER_MS = 2_500;

/** Ends the generation for good: the host's peer, the client, and, at once, the row that says so. Idempotent. */
export function endGeneration(relay: RelayContext, flow: Flow): void {
  if (flow.status === 'closed') return;
  disconnectHost(relay, flow);
  flow.closedAtMs = relay.clock.nowMs;
  setStatus(relay, flow, 'closed');
  terminateClient(flow);
  relay.log.info({ sessionId: flow.id, generation: flow.generation }, 'generation closed');
}

/** The client has not been heard for too long: its host must not wait for it, its game stays. */
export function fallSilent(relay: RelayContext, flow: Flow): void {
  disconnectHost(relay, flow);
  setStatus(relay, flow, 'silent');
  relay.log.info({ sessionId: flow.id, generation: flow.generation }, 'client fell silent');
}

/** A DISCONNECT passed. Control goes on in both directions for what is still to be acknowledged. */
export function noteDisconnect(relay: RelayContext, flow: Flow, by: 'client' | 'host'): void {
  if (flow.peer.hasDisconnect) return;
  flow.peer.hasDisconnect = true;
  if (!isOpen(flow)) return;
  setStatus(relay, flow, 'disconnected');
  relay.log.info({ sessionId: flow.id, generation: flow.generation, by }, 'disconnected');
}

/** Repeats the termination of a closed flow's client while it does not answer; called every tick. */
export function repeatTermination(relay: RelayContext, flow: Flow): void {
  const dueMs = flow.closedAtMs + flow.terminations * TERMINATION_INTERVAL_MS;
  const { terminations } = flow;
  if (terminations === 0 || terminations >= TERMINATIONS_MAX || relay.clock.nowMs < dueMs) return;
  terminateClient(flow);
}

/** Sends the host a DISCONNECT in the client's name, twice, if its peer is certain to be this flow's still. */
function disconnectHost({ clock }: RelayContext, flow: Flow): void {
  const { control, peer } = flow;
  if (peer.hostPeerID === UNKNOWN || peer.hasDisconnect || peer.hasLeftHost) return;
  peer.hasLeftHost = true;
  if (control.hostSeenMs === NEVER || clock.nowMs - control.hostSeenMs > HOST_ALIVE_MS) return;
  const datagram = formatHostDisconnect(flow);
  control.upstream.udp.send(datagram, control.hostPort, control.hostAddress);
  control.upstream.udp.send(datagram, control.hostPort, control.hostAddress);
}

/** Tells the client that its session has ended well, unless it left itself or somebody else is in its place. */
function terminateClient(flow: Flow): void {
  const { control, peer, rikey } = flow;
  if (peer.hostPeerID === UNKNOWN || peer.hasDisconnect || rikey === undefined) return;
  if (control.clientPort === 0) return;
  flow.terminations += 1;
  control.downstream.send(formatTermination(flow, rikey), control.clientPort, control.clientAddress);
}
