/** Which hosts a user may play on. */
import type { HostRule, HostSpec } from './types.ts';

const EVERYBODY = '*';

/** Whether the first rule that names `user` lets it play on a host with `labels`; without a rule it does. */
export function mayPlayOn(
  rules: readonly HostRule[],
  user: string,
  labels: HostSpec['labels'] = {},
): boolean {
  const rule = rules.find(({ users }) => users.includes(user) || users.includes(EVERYBODY));
  return rule === undefined || carries(labels, rule.hosts);
}

/** Whether `labels` hold all that is `wanted`. */
export function carries(labels: HostSpec['labels'] = {}, wanted: HostRule['hosts']): boolean {
  return Object.entries(wanted).every(([label, value]) => labels[label] === value);
}
