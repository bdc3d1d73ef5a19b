/**
 * Control datagrams of a host that the datapath engine does not forward by itself: those before the connection
 * stands, and those with a VERIFY_CONNECT or a DISCONNECT. Everything else about them passes untouched.
 */
import { findVerifyConnect } from '../../core/protocol/enet/connect.ts';
import type { RelayContext } from '../context.ts';
import { noteDisconnect } from '../ending.ts';
import type { Leg } from '../flow.ts';
import { forwardToClient } from '../media/forward.ts';
import { onVerifyConnect } from './connect.ts';
import { commandsIn, hasDisconnect } from './messages.ts';

/** Takes a datagram that came from the host's control port. */
export function onHostControl(relay: RelayContext, leg: Leg, datagram: Uint8Array): void {
  const { flow } = leg;
  const verifyOffset = findVerifyConnect(datagram);
  if (verifyOffset >= 0 && !onVerifyConnect(relay, flow, datagram, verifyOffset)) return;
  forwardToClient(relay, leg, datagram);
  if (hasDisconnect(commandsIn(datagram))) noteDisconnect(relay, flow, 'host');
}
