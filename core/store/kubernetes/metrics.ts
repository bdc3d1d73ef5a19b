/** What a part exports about its use of the Kubernetes API. Labels are closed sets. */
import { Counter, type Registry } from 'prom-client';

/** Verbs as in Kubernetes' roles. */
export type Verb = 'get' | 'list' | 'watch' | 'create' | 'patch' | 'delete';

/** ok: 2xx; throttled: 429; conflict: 409; refused: other 4xx; failed: 5xx; unreachable: no answer. */
export type RequestOutcome = 'ok' | 'throttled' | 'conflict' | 'refused' | 'failed' | 'unreachable';

export interface KubernetesMetrics {
  requests: Counter<'verb' | 'kind' | 'outcome'>;
  watchRestarts: Counter<'kind' | 'cause'>;
  badObjects: Counter<'kind'>;
}

/** Registers everything; once for each registry. */
export function createKubernetesMetrics(register: Registry): KubernetesMetrics {
  const registers = [register];
  return {
    requests: new Counter({
      name: 'gleipnir_kubernetes_requests_total',
      help: 'Requests to the API server, by verb, kind and outcome.',
      labelNames: ['verb', 'kind', 'outcome'] as const,
      registers,
    }),
    watchRestarts: new Counter({
      name: 'gleipnir_kubernetes_watch_restarts_total',
      help: 'Watches that ended; planned: by the time asked for; broken: by a fault, so that everything is listed anew.',
      labelNames: ['kind', 'cause'] as const,
      registers,
    }),
    badObjects: new Counter({
      name: 'gleipnir_kubernetes_bad_objects_total',
      help: 'Times that an object was skipped because it is not valid.',
      labelNames: ['kind'] as const,
      registers,
    }),
  };
}
