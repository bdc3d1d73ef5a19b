/**
 * Media pings of clients. They end here: a ping with a session's payload and a counter that is new says where the
 * client wants that stream, and nothing else does. Runs for every ping: no allocation, no throw.
 */
import type { RemoteInfo } from 'node:dgram';
import { readU32 } from '../../core/protocol/bytes.ts';
import { isPing, PING_SIZE } from '../../core/protocol/rtp/ping.ts';
import { NEVER } from '../clock/clock.ts';
import type { RelayContext } from '../context.ts';
import { isOpen, type Leg } from '../flow/flow.ts';
import { pingHost } from './host-ping.ts';

const COUNTER_AT = 16;

/** Takes a datagram from the public port of a media stream. */
export function onClientMedia(
  relay: RelayContext,
  stream: 'video' | 'audio',
  datagram: Uint8Array,
  source: RemoteInfo,
): void {
  const { dropped } = relay.counters;
  if (source.port === 0) {
    dropped.badSize += 1;
    return;
  }
  if (!isPing(datagram)) {
    dropped.malformed += 1;
    return;
  }
  if (datagram.length !== PING_SIZE) {
    dropped.legacyPing += 1;
    return;
  }
  const flow = relay.flows.byPing(datagram, stream);
  if (flow === undefined) {
    dropped.unknownPing += 1;
    return;
  }
  if (!isOpen(flow)) {
    dropped.ended += 1;
    return;
  }
  acceptPing(relay, flow[stream], readU32(datagram, COUNTER_AT), source);
}

function acceptPing(relay: RelayContext, leg: Leg, counter: number, source: RemoteInfo): void {
  const { dropped } = relay.counters;
  if (counter <= leg.pingCounter) {
    dropped.replayedPing += 1;
    return;
  }
  const isKnown = leg.clientPort === source.port && leg.clientAddress === source.address;
  if (!isKnown && !moveLeg(relay, leg, source)) {
    dropped.moveLimited += 1;
    return;
  }
  leg.pingCounter = counter;
  leg.clientSeenMs = relay.clock.nowMs;
  if (leg.firstPingMs === NEVER) {
    leg.firstPingMs = relay.clock.nowMs;
    pingHost(relay, leg);
  }
}

/** @returns `false` when the stream moved too often of late. */
function moveLeg(relay: RelayContext, leg: Leg, source: RemoteInfo): boolean {
  const isMove = leg.clientPort !== 0;
  if (isMove && !leg.moves.take(relay.clock.nowMs)) return false;
  leg.clientAddress = source.address;
  leg.clientPort = source.port;
  relay.engine.upsert(leg.flow);
  if (isMove) {
    relay.counters.roams[leg.stream] += 1;
    relay.log.info({ sessionId: leg.flow.id, stream: leg.stream }, 'client moved');
  }
  return true;
}
