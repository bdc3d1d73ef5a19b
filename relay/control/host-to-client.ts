/**
 * Control datagrams of a host that the datapath engine does not forward by itself: those before the connection
 * stands, and those with more than acknowledgements. All but a VERIFY_CONNECT pass untouched.
 */
import { findVerifyConnect } from '../../core/protocol/enet/connect.ts';
import type { RelayContext } from '../context.ts';
import { noteDisconnect } from '../ending/ending.ts';
import type { Leg } from '../flow/flow.ts';
import { forwardToClient } from '../media/forward.ts';
import { onVerifyConnect } from './connect.ts';
import { commandsIn, hasDisconnect } from './messages.ts';

/** Takes a datagram that came from the host's control port. */
export function onHostControl(relay: RelayContext, leg: Leg, datagram: Uint8Array): void {
  const { flow } = leg;
  const verifyOffset = findVerifyConnect(datagram);
  if (verifyOffset >= 0 && !onVerifyConnect(relay, flow, datagram, verifyOffset)) return;
  const isSent = forwardToClient(relay, leg, datagram);
  const commands = commandsIn(datagram);
  if (isSent && commands > 0) flow.roundTrip.onSent(datagram, relay.clock.preciseMs());
  if (hasDisconnect(commands)) noteDisconnect(relay, flow, 'host');
}
