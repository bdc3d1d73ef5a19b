/** What RTSP turned away, by reason. Labels come from a closed set. */
import type { Registry } from 'prom-client';
import { DOOR_REFUSAL_REASONS } from '../../core/runtime/door.ts';
import { createRefusalCounter } from '../limits/refusals.ts';

/** Why a connection or request was turned away; the `reason` label of `gleipnir_proxy_rtsp_refused_total`. */
export const REFUSAL_REASONS = [
  ...DOOR_REFUSAL_REASONS,
  /** The request was not complete in time. */
  'timedOut',
  /** Neither RTSP nor a frame, or too large. */
  'malformed',
  /** Plain RTSP that proves no session. */
  'unidentified',
  /** A frame that opens under no live session's rikey. */
  'foreignFrame',
  /** A frame that was not tried with every key, because its source, or all together, had too many tried. */
  'trialsLimited',
  /** A frame whose sequence this session has used before. */
  'replayedFrame',
  /** A frame that opens under the rikey of two sessions. */
  'ambiguousFrame',
  /** Plain RTSP of a session that was told to encrypt. */
  'plainRefused',
  /** The session is not ready, or a newer launch stands. */
  'notReady',
  /** A request that the handshake does not expect. */
  'unexpected',
  /** The table names a host address that is never dialled. */
  'hostForbidden',
  'hostUnreachable',
  'hostTimedOut',
  /** The host's reply is not RTSP, too large, or does not open. */
  'hostMalformed',
  /** A fault of our own, such as a table that cannot be read. */
  'fault',
] as const;
export type RefusalReason = (typeof REFUSAL_REASONS)[number];

/** Once for each registry. @returns what counts one refusal. */
export function createRtspRefusalCounter(register: Registry): (reason: RefusalReason) => void {
  return createRefusalCounter(register, {
    name: 'gleipnir_proxy_rtsp_refused_total',
    help: 'RTSP connections and requests turned away, by reason.',
    reasons: REFUSAL_REASONS,
  });
}
