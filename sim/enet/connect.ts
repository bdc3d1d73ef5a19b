/** The client's end: opens an ENet connection as a Moonlight client does. */
import { PEER_ID_UNASSIGNED } from '../../core/protocol/enet/header.ts';
import { EnetPeer } from './peer.ts';
import { ENET_MTU, MOONLIGHT_CLIENT_TIMEOUTS, type EnetEvents } from './types.ts';

const SESSION_ID_UNASSIGNED = 0xff;

export interface ConnectEnetOptions {
  channelCount: number;
  /** 32-bit number: X-SS-Connect-Data. */
  data: number;
  /** Random 32 bits. */
  connectID: number;
  /** ms, monotonic. */
  now: () => number;
  transmit: (datagram: Uint8Array) => void;
  events: EnetEvents;
}

/**
 * Sends a CONNECT at once and again after 0.5, 1, 2, 3.5 and 5.5 s; without an answer, `onDisconnect('timeout')` comes
 * after 8 s. Once connected, 10 s of silence end the connection.
 */
export function connectEnet(o: ConnectEnetOptions): EnetPeer {
  const identity = {
    incomingPeerID: 0,
    outgoingPeerID: PEER_ID_UNASSIGNED,
    incomingSessionID: SESSION_ID_UNASSIGNED,
    outgoingSessionID: SESSION_ID_UNASSIGNED,
  };
  const events: EnetEvents = {
    ...o.events,
    onConnect: () => {
      peer.setTimeouts(MOONLIGHT_CLIENT_TIMEOUTS);
      o.events.onConnect();
    },
  };
  const peer = new EnetPeer({ ...o, state: 'connecting', identity, mtu: ENET_MTU, events });
  return peer;
}
