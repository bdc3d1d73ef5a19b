/**
 * The ENet connect exchange. A client's CONNECT is known by our connect data and forwarded with the host's; the
 * peer id in the host's VERIFY_CONNECT becomes our label, so that every later datagram of the client names its flow.
 */
import type { RemoteInfo } from 'node:dgram';
import { readU16 } from '../../core/protocol/bytes.ts';
import {
  readConnectData,
  readConnectID,
  readVerifyConnectID,
  readVerifyIncomingSessionID,
  readVerifyOutgoingSessionID,
  readVerifyPeerID,
  writeConnectData,
  writeVerifyPeerID,
} from '../../core/protocol/enet/connect.ts';
import { setStatus, type RelayContext } from '../context.ts';
import { isOpen, isProvenAt, UNKNOWN, type Flow } from '../flow/flow.ts';

/** Where a CONNECT says which id the host must use towards the client. */
const CLIENT_PEER_ID_AT = 8;
const PEER_ID_MASK = 0xfff;
const SESSION_ID_MASK = 0x3;

/** Takes a CONNECT, which `isConnect` has recognised, from the public port. */
export function onConnect(relay: RelayContext, datagram: Uint8Array, source: RemoteInfo): void {
  const { counters, flows, limits, clock } = relay;
  const flow = flows.byConnectData(readConnectData(datagram));
  // Whoever guesses under another's address must not keep that client out.
  const isExpected = flow !== undefined && isProvenAt(flow, source.address);
  if (!isExpected && !limits.wrongConnects.has(source.address, clock.nowMs)) {
    counters.dropped.connectLimited += 1;
    return;
  }
  if (flow === undefined) {
    limits.wrongConnects.take(source.address, clock.nowMs);
    counters.dropped.unknownConnect += 1;
    return;
  }
  if (!isOpen(flow)) {
    counters.dropped.ended += 1;
    return;
  }
  if (!bindConnect(relay, flow, { connectID: readConnectID(datagram), datagram, source })) {
    counters.dropped.connectReused += 1;
    return;
  }
  flow.control.clientSeenMs = clock.nowMs;
  if (!forwardConnect(flow, datagram)) flow.peer.heldConnect = Uint8Array.from(datagram);
}

/** The first connectID takes the token, for this generation; its repetitions come from the same address. */
function bindConnect(
  relay: RelayContext,
  flow: Flow,
  { connectID, datagram, source }: { connectID: number; datagram: Uint8Array; source: RemoteInfo },
): boolean {
  const { control, peer } = flow;
  if (peer.connectID !== UNKNOWN) {
    return (
      peer.connectID === connectID &&
      control.clientPort === source.port &&
      control.clientAddress === source.address
    );
  }
  peer.connectID = connectID;
  peer.clientPeerID = readU16(datagram, CLIENT_PEER_ID_AT) & PEER_ID_MASK;
  takeAddress(relay, source);
  control.clientAddress = source.address;
  control.clientPort = source.port;
  relay.rows.save(flow);
  return true;
}

/**
 * An address belongs to the newest CONNECT from it: the last words for a client that was there before would reach
 * this one, which takes any datagram with its peer id, mostly 0. A client that is there still, because the CONNECT
 * lied about its source, proves itself with its next message.
 */
function takeAddress({ flows, engine }: RelayContext, source: RemoteInfo): void {
  for (const flow of flows.all()) {
    const { control } = flow;
    if (control.clientPort !== source.port || control.clientAddress !== source.address) continue;
    control.clientPort = 0;
    control.isEstablished = false;
    engine.upsert(flow);
  }
}

/** Forwards the CONNECT that was kept until the host's control port was known; called every tick. */
export function releaseHeldConnect(flow: Flow): void {
  const { heldConnect } = flow.peer;
  if (heldConnect === undefined || !isOpen(flow)) return;
  forwardConnect(flow, heldConnect);
}

/** @returns whether it went out, with the host's connect data in it. */
function forwardConnect({ control, peer }: Flow, datagram: Uint8Array): boolean {
  if (control.hostPort === 0) return false;
  writeConnectData(datagram, peer.hostConnectData);
  if (!control.upstream.udp.send(datagram, control.hostPort, control.hostAddress)) return false;
  peer.heldConnect = undefined;
  return true;
}

/**
 * Takes the VERIFY_CONNECT at `commandOffset` of a host's datagram, and puts our label into it.
 *
 * @returns whether the datagram may go on to the client.
 */
export function onVerifyConnect(
  relay: RelayContext,
  flow: Flow,
  datagram: Uint8Array,
  commandOffset: number,
): boolean {
  const { peer } = flow;
  const hostPeerID = readVerifyPeerID(datagram, commandOffset);
  const isForeign =
    readVerifyConnectID(datagram, commandOffset) !== peer.connectID ||
    (peer.hostPeerID !== UNKNOWN && peer.hostPeerID !== hostPeerID);
  if (isForeign) {
    relay.counters.dropped.foreignVerifyConnect += 1;
    return false;
  }
  if (peer.hostPeerID === UNKNOWN) {
    peer.hostPeerID = hostPeerID;
    peer.hostSessionID = readVerifyOutgoingSessionID(datagram, commandOffset) & SESSION_ID_MASK;
    peer.clientSessionID = readVerifyIncomingSessionID(datagram, commandOffset) & SESSION_ID_MASK;
    if (flow.status === 'waiting') setStatus(relay, flow, 'live');
    flow.control.isEstablished = true;
    relay.engine.upsert(flow);
    relay.log.info({ sessionId: flow.id, generation: flow.generation }, 'client connected');
  }
  writeVerifyPeerID(datagram, commandOffset, flow.tokens.peerId);
  return true;
}
