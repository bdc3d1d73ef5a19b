/** What a part of Gleipnir that runs apart keeps in Kubernetes: one client, and a store for each kind. */
import type { Registry } from 'prom-client';
import type { Kind } from '../../crd/types.ts';
import type { Logger } from '../../runtime/log.ts';
import { KubernetesClient } from './client.ts';
import { loadCluster, type ClusterSettings } from './config.ts';
import { createKubernetesMetrics } from './metrics.ts';
import { KubernetesStore } from './store.ts';

/** To be started, stopped and, the client, closed by who has them. */
export interface KubernetesObjects {
  client: KubernetesClient;
  namespace: string;
  stores: { [K in Kind]: KubernetesStore<K> };
}

/**
 * Nothing is asked yet.
 *
 * @param writeMs as of `KubernetesStoreDeps`.
 * @throws GleipnirError CONFIG_INVALID where no cluster is named.
 */
export function createKubernetesObjects(
  settings: ClusterSettings,
  register: Registry,
  log: Logger,
  writeMs?: number,
): KubernetesObjects {
  const { kubeConfig, namespace } = loadCluster(settings);
  const metrics = createKubernetesMetrics(register);
  const client = new KubernetesClient({ kubeConfig, metrics });
  const shared = {
    namespace,
    client,
    metrics,
    log: log.child({ component: 'objects' }),
    ...(writeMs === undefined ? {} : { writeMs }),
  };
  return {
    client,
    namespace,
    stores: {
      User: new KubernetesStore({ ...shared, kind: 'User' }),
      App: new KubernetesStore({ ...shared, kind: 'App' }),
      Pairing: new KubernetesStore({ ...shared, kind: 'Pairing' }),
      Session: new KubernetesStore({ ...shared, kind: 'Session' }),
    },
  };
}
