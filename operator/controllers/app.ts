/** App controller: says of each App whether it is offered, or which other App has its id, and whether it can be played. */
import { holdersOf } from '../../core/crd/precedence.ts';
import type { App } from '../../core/crd/types.ts';
import type { Logger } from '../../core/runtime/log.ts';
import type { ObjectStore, StatusOf } from '../../core/store/object-store.ts';
import type { HostPool } from '../hosts/pool.ts';
import { withAccepted } from './conditions.ts';
import { StatusKeeper } from './statuses.ts';

export interface AppControllerDeps {
  apps: Pick<ObjectStore<'App'>, 'list' | 'watch' | 'patchStatus'>;
  hosts: Pick<HostPool, 'facts' | 'onChange'>;
  log: Logger;
  /** Milliseconds since the epoch. */
  now: () => number;
}

/** What hosts offer now. */
interface Offers {
  ids: ReadonlySet<number>;
  /** Whether each host was asked; before that, one may offer what it did before a restart. */
  areKnown: boolean;
}

export function createAppController({ apps, hosts, log, now }: AppControllerDeps): StatusKeeper<'App'> {
  return new StatusKeeper({
    kind: 'App',
    store: apps,
    judge: (all) => Promise.resolve(judgeApps(all, offersOf(hosts), new Date(now()))),
    watchMore: (look) => hosts.onChange(look),
    log,
  });
}

function judgeApps(apps: readonly App[], offers: Offers, now: Date): (app: App) => StatusOf<'App'> {
  const holders = holdersOf(apps, ({ spec }) => [spec.id]);
  return (app) => {
    const { id } = app.spec;
    const holder = holders.get(id) ?? app;
    const isHolder = holder === app;
    const observation = isHolder
      ? { reason: 'Accepted', message: 'Its id is its own' }
      : { reason: 'IdTaken', message: `The App ${holder.metadata.name} is older and has the id ${id}` };
    const isOffered = offers.ids.has(id) || (!offers.areKnown && app.status?.available === true);
    return {
      ...app.status,
      conditions: withAccepted(app, { ...observation, holds: isHolder }, now),
      available: isHolder && isOffered,
    };
  };
}

function offersOf(hosts: AppControllerDeps['hosts']): Offers {
  const facts = hosts.facts();
  return {
    ids: new Set(facts.flatMap(({ apps }) => apps.map(({ id }) => id))),
    areKnown: facts.every(({ state, problem }) => state !== 'down' || problem !== null),
  };
}
