/** What Moonlight HTTP turned away, by reason. Labels come from a closed set. */
import type { Registry } from 'prom-client';
import { DOOR_REFUSAL_REASONS } from '../../core/runtime/door.ts';
import { createRefusalCounter } from '../limits/refusals.ts';

/** Why a connection or request was turned away; the `reason` label of `gleipnir_proxy_http_refused_total`. */
export const HTTP_REFUSAL_REASONS = [
  ...DOOR_REFUSAL_REASONS,
  /** More requests than one source, or all together, may make. */
  'requestsLimited',
  /** More first steps of pairing than one source, or all together, may make. */
  'pairingLimited',
  /** A TLS handshake that failed. */
  'tlsFailed',
  /** A handshake or request that was not complete in time. */
  'timedOut',
  /** No HTTP. */
  'malformed',
  'headersTooLarge',
  /** A request that announces a body. */
  'hasBody',
  /** A path that does not exist. */
  'unknownPath',
  /** The certificate is not paired. */
  'notPaired',
  /** A parameter is wrong or missing. */
  'invalid',
  'pinWrong',
  /** What the client asks for is being done for others, who fill its table. */
  'busy',
] as const;
export type HttpRefusalReason = (typeof HTTP_REFUSAL_REASONS)[number];

/** Once for each registry. @returns what counts one refusal. */
export function createHttpRefusalCounter(register: Registry): (reason: HttpRefusalReason) => void {
  return createRefusalCounter(register, {
    name: 'gleipnir_proxy_http_refused_total',
    help: 'HTTP and HTTPS connections and requests turned away, by reason.',
    reasons: HTTP_REFUSAL_REASONS,
  });
}
