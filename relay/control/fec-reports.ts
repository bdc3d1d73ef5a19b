/**
 * The client's own view of its video: after losses it sends a frame FEC status, unsequenced and encrypted. The relay
 * opens such messages only to count them, so only so many a second.
 */
import { ENET_COMMAND, readCommandNumber, skipEnetCommand } from '../../core/protocol/enet/command.ts';
import { CONTROL_TYPE, openControlMessage, readControlSeq } from '../../core/protocol/enet/control.ts';
import { readCommandsOffset } from '../../core/protocol/enet/header.ts';
import type { RelayContext } from '../context.ts';
import type { Flow } from '../flow/flow.ts';
import { cipherOf, messageOffset } from './messages.ts';

/** Counts the FEC reports in a well-formed datagram of the client; what is beyond the limit is not counted. */
export function countFecReports({ clock }: RelayContext, flow: Flow, datagram: Uint8Array): void {
  if (flow.rikey === undefined) return;
  let offset = readCommandsOffset(datagram);
  while (offset >= 0 && offset < datagram.length) {
    const end = skipEnetCommand(datagram, offset);
    if (end < 0) return;
    if (readCommandNumber(datagram, offset) === ENET_COMMAND.SEND_UNSEQUENCED) {
      const message = datagram.subarray(messageOffset(datagram, offset), end);
      if (readControlSeq(message) >= 0 && !flow.fecOpenings.take(clock.nowMs)) return;
      const opened = openControlMessage(message, cipherOf(flow, flow.rikey, 'client'));
      if (opened?.type === CONTROL_TYPE.FRAME_FEC_STATUS) flow.fecReports += 1;
    }
    offset = end;
  }
}
