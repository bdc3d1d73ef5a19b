/** Waiting for the relay's answer "this generation is closed", which must come before the driver acts on the host. */
import { sessionOf } from '../../core/session/flows.ts';
import type { FlowRecord } from '../../core/session/record.ts';
import type { TableReader } from '../../core/session/table.ts';

/** The relay answers within milliseconds; a relay that is away must not hold a client up for longer. */
const RELAY_ANSWER_MS_MAX = 1_000;

/**
 * Resolves when no relay has an open flow of `generation` or older any more, or after a second without an answer. What
 * a relay left that is gone for good counts only until another one has a row of a newer generation.
 */
export async function waitForFlowClosed(table: TableReader, id: string, generation: number): Promise<void> {
  const isClosed = (flows: readonly FlowRecord[]): boolean => {
    const newest = Math.max(...flows.map((flow) => flow.generation));
    return flows.every(
      (flow) => flow.generation > generation || flow.generation < newest || flow.status === 'closed',
    );
  };

  await new Promise<void>((resolve, reject) => {
    const finish = (): void => {
      clearTimeout(timer);
      unwatch();
      resolve();
    };
    const look = (): void => {
      table.list('flow').then((flows) => {
        if (isClosed(flows.filter((flow) => sessionOf(flow.id) === id))) finish();
      }, reject);
    };
    const timer = setTimeout(finish, RELAY_ANSWER_MS_MAX);
    const unwatch = table.watch((change) => {
      if (change.kind === 'flow' && sessionOf(change.id) === id) look();
    });
    look();
  });
}
