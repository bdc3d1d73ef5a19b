/** Which API server, as whom, and in which namespace. */
import { KubeConfig } from '@kubernetes/client-node';
import { z } from 'zod';
import { GleipnirError } from '../../runtime/errors.ts';

/** Variables for every part that keeps its objects in Kubernetes; to be spread into its schema. */
export const KUBERNETES_VARIABLES = {
  KUBERNETES_KUBECONFIG: z
    .string()
    .min(1)
    .optional()
    .describe('Path of a kubeconfig file; without it, the service account of the pod counts.'),
  KUBERNETES_NAMESPACE: z
    .string()
    .regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'the name of a namespace')
    .optional()
    .describe("Namespace of all objects; by default the kubeconfig's, the pod's own, or `default`."),
};

export type ClusterSettings = z.output<z.ZodObject<typeof KUBERNETES_VARIABLES>>;

export interface Cluster {
  kubeConfig: KubeConfig;
  namespace: string;
}

/**
 * Reads the kubeconfig file, or what every pod finds about its service account.
 *
 * @throws GleipnirError CONFIG_INVALID where neither is there or names a cluster.
 */
export function loadCluster(given: ClusterSettings): Cluster {
  const kubeConfig = new KubeConfig();
  const { KUBERNETES_KUBECONFIG: path = '', KUBERNETES_NAMESPACE } = given;
  try {
    if (path === '') kubeConfig.loadFromCluster();
    else kubeConfig.loadFromFile(path);
  } catch (cause) {
    throw new GleipnirError('CONFIG_INVALID', 'The kubeconfig cannot be read', { path }, { cause });
  }
  const server = kubeConfig.getCurrentCluster()?.server ?? '';
  if (!URL.canParse(server) || server.includes('undefined')) {
    const problems = 'KUBERNETES_KUBECONFIG is not set, and this is no pod with a service account';
    throw new GleipnirError('CONFIG_INVALID', 'There is no Kubernetes cluster to talk to', {
      path,
      problems,
    });
  }
  const namespace =
    KUBERNETES_NAMESPACE ?? kubeConfig.getContextObject(kubeConfig.getCurrentContext())?.namespace;
  return { kubeConfig, namespace: namespace ?? 'default' };
}
