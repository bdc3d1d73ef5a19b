/** Waiting for the relay's answer "this generation is closed", which must come before the driver acts on the host. */
import type { FlowRecord } from '../../core/session/record.ts';
import type { TableReader } from '../../core/session/table.ts';

/** The relay answers within milliseconds; a relay that is away must not hold a client up for longer. */
const RELAY_ANSWER_MS_MAX = 1_000;

/** Resolves when no flow of `generation` or older is open any more, or after a second without an answer. */
export async function waitForFlowClosed(table: TableReader, id: string, generation: number): Promise<void> {
  const isClosed = (flow: FlowRecord | undefined): boolean =>
    flow === undefined || flow.generation > generation || flow.status === 'closed';

  await new Promise<void>((resolve, reject) => {
    const finish = (): void => {
      clearTimeout(timer);
      unwatch();
      resolve();
    };
    const look = (): void => {
      table.get('flow', id).then((flow) => {
        if (isClosed(flow)) finish();
      }, reject);
    };
    const timer = setTimeout(finish, RELAY_ANSWER_MS_MAX);
    const unwatch = table.watch((change) => {
      if (change.kind === 'flow' && change.id === id) look();
    });
    look();
  });
}
