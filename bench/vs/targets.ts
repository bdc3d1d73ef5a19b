/** What our relay must show, to plain kernel forwarding of the same round: 1200-byte datagrams, 20 flows, 2 cores. */
import type { Summary } from './summary.ts';

/** Medians must not be above these. */
interface Target {
  pacedRatio: number;
  saturatedRatio: number;
  addedP99Us: number;
}

export const TARGETS: Readonly<Record<string, Target>> = {
  'relay-neigh': { pacedRatio: 1.05, saturatedRatio: 1.1, addedP99Us: 20 },
  'relay-peer': { pacedRatio: 1, saturatedRatio: 1, addedP99Us: 10 },
  'relay-userspace': { pacedRatio: 2.3, saturatedRatio: 2.7, addedP99Us: 400 },
};

/** One figure beside its target. */
export interface Verdict {
  title: string;
  figure: keyof Target;
  value: number;
  target: number;
  /** `undefined` where it could not be measured. */
  isMet: boolean | undefined;
}

export function judge(summaries: readonly Summary[]): Verdict[] {
  return summaries.flatMap((summary) => {
    const targets = TARGETS[summary.name];
    if (targets === undefined) return [];
    return (Object.entries(targets) as [keyof Target, number][]).map(([figure, target]) => {
      const value = summary[figure].median;
      return {
        title: summary.title,
        figure,
        value,
        target,
        isMet: Number.isNaN(value) ? undefined : value <= target,
      };
    });
  });
}
