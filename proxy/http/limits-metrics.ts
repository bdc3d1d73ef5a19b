/** What Moonlight HTTP turned away, by reason. Labels come from a closed set. */
import { Counter, type Registry } from 'prom-client';

/** Why a connection or request was turned away; the `reason` label of `gleipnir_proxy_http_refused_total`. */
export const HTTP_REFUSAL_REASONS = [
  /** More connections than one source, or all together, may hold. */
  'tooManyConnections',
  /** More new connections than one source, or all together, may open. */
  'connectionsLimited',
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

/** Counts refusals; made once for each registry. @returns what counts one. */
export function createHttpRefusalCounter(register: Registry): (reason: HttpRefusalReason) => void {
  const counter = new Counter({
    name: 'gleipnir_proxy_http_refused_total',
    help: 'HTTP and HTTPS connections and requests turned away, by reason.',
    labelNames: ['reason'] as const,
    registers: [register],
  });
  for (const reason of HTTP_REFUSAL_REASONS) counter.inc({ reason }, 0);
  return (reason) => {
    counter.inc({ reason });
  };
}
