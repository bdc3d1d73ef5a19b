/** Conditions of an object's status, as Kubernetes keeps them: one for each type, with the time of its last turn. */
import type { Condition } from '../../core/crd/types.ts';

/** What one look found. */
export interface Observation extends Pick<Condition, 'reason' | 'message'> {
  holds: boolean;
}

/** The object that was looked at. */
interface Observed {
  metadata: { generation: number };
  status?: { conditions?: readonly Condition[] | undefined } | undefined;
}

/** The conditions of `object` with `Accepted` as it was found; the others, of whoever wrote them, stay. */
export function withAccepted(
  object: Observed,
  { holds, reason, message }: Observation,
  now: Date,
): Condition[] {
  const type = 'Accepted';
  const { conditions: former = [] } = object.status ?? {};
  const standing = former.find((each) => each.type === type);
  const status = holds ? 'True' : 'False';
  const lastTransitionTime = standing?.status === status ? standing.lastTransitionTime : now.toISOString();
  const { generation: observedGeneration } = object.metadata;
  return [
    ...former.filter((each) => each.type !== type),
    { type, status, reason, message, lastTransitionTime, observedGeneration },
  ];
}
