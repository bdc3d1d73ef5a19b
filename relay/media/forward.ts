/** Media of a host that the datapath engine does not forward by itself: the first datagrams of each stream. */
import type { RelayContext } from '../context.ts';
import { watchFirstPicture } from './first-picture.ts';
import { isOpen, type Leg } from '../flow/flow.ts';

/** Takes a datagram that came from the host's port of a media stream. */
export function onHostMedia(relay: RelayContext, leg: Leg, datagram: Uint8Array): void {
  const { flow } = leg;
  if (!isOpen(flow)) {
    relay.counters.dropped.ended += 1;
    return;
  }
  if (!forwardToClient(relay, leg, datagram)) return;
  if (leg.stream === 'video') watchFirstPicture(relay, flow, datagram);
  if (leg.stream === 'audio' || flow.picture.state === 'settled') {
    leg.isEstablished = true;
    relay.engine.upsert(flow);
  }
}

/** Sends a host's datagram to where the client of this leg is. @returns whether it went out; else it is counted. */
export function forwardToClient({ counters }: RelayContext, leg: Leg, datagram: Uint8Array): boolean {
  if (leg.clientPort === 0) {
    counters.dropped.beforeClient += 1;
    return false;
  }
  if (!leg.downstream.send(datagram, leg.clientPort, leg.clientAddress)) {
    counters.dropped.notSent += 1;
    return false;
  }
  leg.datagrams += 1;
  leg.bytes += datagram.length;
  return true;
}
