/**
 * Control datagrams from clients. After CONNECT they carry nothing of their session but the peer id, which is our
 * label; from the address that the flow knows they pass with the host's peer id in its place, from any other they
 * must prove themselves first. Runs for every control datagram: no log, no throw.
 */
import type { RemoteInfo } from 'node:dgram';
import { isConnect } from '../../core/protocol/enet/connect.ts';
import { readPeerID, readSessionID, writePeerID } from '../../core/protocol/enet/header.ts';
import type { RelayContext } from '../context.ts';
import { noteDisconnect } from '../ending/ending.ts';
import { UNKNOWN, type Flow } from '../flow/flow.ts';
import { DATAGRAM_SIZE_MAX } from '../ports/udp-port.ts';
import { onConnect } from './connect.ts';
import { countFecReports } from './fec-reports.ts';
import { commandsIn, hasAcknowledge, hasDisconnect, hasUnsequenced, highestSeqIn } from './messages.ts';
import { proveNewAddress } from './roam.ts';

const HEADER_SIZE = 2;

/** Takes a datagram from the public control port. */
export function onClientControl(relay: RelayContext, datagram: Uint8Array, source: RemoteInfo): void {
  const { dropped } = relay.counters;
  if (datagram.length < HEADER_SIZE || datagram.length > DATAGRAM_SIZE_MAX || source.port === 0) {
    dropped.badSize += 1;
    return;
  }
  if (isConnect(datagram)) {
    onConnect(relay, datagram, source);
    return;
  }
  const flow = relay.flows.byLabel(readPeerID(datagram));
  if (flow?.peer.hostSessionID !== readSessionID(datagram) || flow.peer.hostPeerID === UNKNOWN) {
    dropped.unknownLabel += 1;
    return;
  }
  const commands = commandsIn(datagram);
  if (commands <= 0) {
    dropped.malformed += 1;
    return;
  }
  const { control } = flow;
  const isKnown = control.clientPort === source.port && control.clientAddress === source.address;
  // The host's peer is gone and its id may be somebody else's by now; all that matters is whether the client left.
  if (flow.peer.hasLeftHost) {
    dropped.ended += 1;
    if (isKnown && hasDisconnect(commands)) noteDisconnect(relay, flow, 'client');
    return;
  }
  if (!isKnown && !proveNewAddress(relay, flow, datagram, source)) return;
  if (hasAcknowledge(commands)) flow.roundTrip.onAcknowledgements(datagram, relay.clock.preciseMs());
  if (hasUnsequenced(commands)) countFecReports(relay, flow, datagram);
  forward(relay, flow, datagram);
  if (hasDisconnect(commands)) noteDisconnect(relay, flow, 'client');
}

function forward(relay: RelayContext, flow: Flow, datagram: Uint8Array): void {
  const { control, peer } = flow;
  control.clientSeenMs = relay.clock.nowMs;
  peer.highestSeq = Math.max(peer.highestSeq, highestSeqIn(datagram));
  writePeerID(datagram, peer.hostPeerID);
  if (!control.upstream.udp.send(datagram, control.hostPort, control.hostAddress)) {
    relay.counters.dropped.notSent += 1;
    return;
  }
  control.datagrams += 1;
  control.bytes += datagram.length;
}
