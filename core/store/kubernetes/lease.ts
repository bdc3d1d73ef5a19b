/** A `coordination.k8s.io/v1` Lease, read and written as one state; whoever is slower than another writes nothing. */
import { z } from 'zod';
import type { LeaseState, LeaseStore, NewLease } from '../lease.ts';
import { messageOf, unavailable, type KubernetesAnswer, type KubernetesClient } from './client.ts';

const Lease = z.object({
  metadata: z.object({ resourceVersion: z.string() }),
  spec: z.object({
    holderIdentity: z.string().optional(),
    leaseDurationSeconds: z.number().int().optional(),
    leaseTransitions: z.number().int().optional(),
  }),
});

export interface KubernetesLeaseDeps {
  client: KubernetesClient;
  namespace: string;
  name: string;
  /** For `renewTime`, which people read. */
  now: () => Date;
}

export function createKubernetesLease({ client, namespace, name, now }: KubernetesLeaseDeps): LeaseStore {
  const path = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
  const bodyOf = ({ holder, durationMs, transitions }: NewLease, resourceVersion?: string): object => ({
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name, namespace, ...(resourceVersion === undefined ? {} : { resourceVersion }) },
    spec: {
      holderIdentity: holder,
      leaseDurationSeconds: Math.ceil(durationMs / 1_000),
      leaseTransitions: transitions,
      // MicroTime: six digits behind the point.
      renewTime: now().toISOString().replace('Z', '000Z'),
    },
  });

  return {
    read: async () => {
      const request = { verb: 'get', kind: 'Lease', method: 'GET', path: `${path}/${name}` } as const;
      const answer = await client.request(request);
      return answer.status === 404 ? undefined : stateOf(answer, request);
    },
    write: async (lease, base) => {
      const request =
        base === undefined
          ? ({ verb: 'create', kind: 'Lease', method: 'POST', path, body: bodyOf(lease) } as const)
          : ({
              verb: 'patch',
              kind: 'Lease',
              method: 'PATCH',
              path: `${path}/${name}`,
              body: bodyOf(lease, base.version),
              contentType: 'application/merge-patch+json',
            } as const);
      const answer = await client.request(request);
      return answer.status === 409 || answer.status === 404 ? undefined : stateOf(answer, request);
    },
  };
}

function stateOf(
  { status, body }: KubernetesAnswer,
  request: { verb: 'get' | 'create' | 'patch'; kind: string },
): LeaseState {
  const parsed = Lease.safeParse(body);
  if (status >= 400 || !parsed.success) throw unavailable(request, { status, answer: messageOf(body) });
  const { metadata, spec } = parsed.data;
  return {
    holder: spec.holderIdentity ?? '',
    durationMs: (spec.leaseDurationSeconds ?? 0) * 1_000,
    transitions: spec.leaseTransitions ?? 0,
    version: metadata.resourceVersion,
  };
}
