/** Counts what a listener turned away, by reason. Labels come from a closed set. */
import { Counter, type Registry } from 'prom-client';

/** One counter of refusals. */
export interface RefusalMetric<Reason extends string> {
  name: string;
  help: string;
  /** All there are; each begins at 0. */
  reasons: readonly Reason[];
}

/** Once for each registry. @returns what counts one refusal. */
export function createRefusalCounter<Reason extends string>(
  register: Registry,
  { name, help, reasons }: RefusalMetric<Reason>,
): (reason: Reason) => void {
  const counter = new Counter({ name, help, labelNames: ['reason'] as const, registers: [register] });
  for (const reason of reasons) counter.inc({ reason }, 0);
  return (reason) => {
    counter.inc({ reason });
  };
}
