/**
 * A client whose control address changed. The label in the datagram names the flow; it moves only if the datagram
 * holds an encrypted message that opens under the session's key, with a seq above any seen in this generation: a
 * replay opens too, but is never new. Attempts are limited, since opening costs far more than dropping.
 */
import type { RemoteInfo } from 'node:dgram';
import { skipEnetCommand } from '../../core/protocol/enet/command.ts';
import { CONTROL_TYPE, openControlMessage } from '../../core/protocol/enet/control.ts';
import { readCommandsOffset } from '../../core/protocol/enet/header.ts';
import type { RelayContext } from '../context.ts';
import { isProvenAt, type Flow } from '../flow/flow.ts';
import { cipherOf, messageOffset, readSeq } from './messages.ts';

/** No client sends so many messages in the 10 s after which it gives up: a seq farther ahead is not even tried. */
const SEQ_AHEAD_MAX = 0x1_0000;

/** What only hosts say. In v1 both directions share their nonces, so a host's message would open as the client's. */
const HOST_TYPES: ReadonlySet<number> = new Set([
  CONTROL_TYPE.RUMBLE,
  CONTROL_TYPE.HDR,
  CONTROL_TYPE.RUMBLE_TRIGGERS,
  CONTROL_TYPE.SET_MOTION_EVENT,
  CONTROL_TYPE.SET_ADAPTIVE_TRIGGERS,
  CONTROL_TYPE.TERMINATION,
]);

/**
 * Moves the flow's control address to `source` if `datagram`, well-formed, proves that the client is there now.
 *
 * @returns whether it did; if not, the drop is counted.
 */
export function proveNewAddress(
  relay: RelayContext,
  flow: Flow,
  datagram: Uint8Array,
  source: RemoteInfo,
): boolean {
  const { dropped, roams } = relay.counters;
  const { nowMs } = relay.clock;
  const message = findFreshMessage(datagram, flow.peer.highestSeq);
  if (message === undefined || flow.rikey === undefined) {
    dropped.notAuthentic += 1;
    return false;
  }
  if (!mayTry(relay, flow, source.address)) {
    dropped.tagLimited += 1;
    return false;
  }
  const opened = openControlMessage(message, cipherOf(flow, flow.rikey, 'client'));
  if (opened === undefined || HOST_TYPES.has(opened.type)) {
    dropped.notAuthentic += 1;
    return false;
  }
  if (!flow.control.moves.take(nowMs)) {
    dropped.moveLimited += 1;
    return false;
  }
  flow.control.clientAddress = source.address;
  flow.control.clientPort = source.port;
  flow.control.isEstablished = true;
  roams.control += 1;
  relay.engine.upsert(flow);
  relay.log.info({ sessionId: flow.id, stream: 'control' }, 'client moved');
  return true;
}

function mayTry({ limits, clock }: RelayContext, flow: Flow, address: string): boolean {
  if (isProvenAt(flow, address)) return limits.provenTags.take(address, clock.nowMs);
  return (
    limits.tagsBySource.take(address, clock.nowMs) &&
    flow.peer.tagTries.take(clock.nowMs) &&
    limits.tags.take(clock.nowMs)
  );
}

/** The first encrypted message that claims a new seq; all of a genuine datagram open, so one is enough to try. */
function findFreshMessage(datagram: Uint8Array, highestSeq: number): Uint8Array | undefined {
  let offset = readCommandsOffset(datagram);
  while (offset >= 0 && offset < datagram.length) {
    const end = skipEnetCommand(datagram, offset);
    if (end < 0) return undefined;
    const start = messageOffset(datagram, offset);
    const seq = start < 0 ? -1 : readSeq(datagram, start, end);
    if (seq > highestSeq && seq - highestSeq <= SEQ_AHEAD_MAX) return datagram.subarray(start, end);
    offset = end;
  }
  return undefined;
}
