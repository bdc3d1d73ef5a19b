/**
 * Keeps an App object for each title that static hosts offer. An App whose hosts are down stays, for they come back;
 * one that its hosts offer no more is deleted. Apps that people made are theirs: never touched, and preferred.
 */
import { isDeepStrictEqual } from 'node:util';
import { API_GROUP, type App } from '../../core/crd/types.ts';
import type { ObjectStore } from '../../core/store/object-store.ts';
import type { HostFacts } from './types.ts';

/** What tells our Apps from those that people make. */
const OURS = { label: `${API_GROUP}/made-from`, value: 'static-hosts' } as const;

type Spec = App['spec'];

/** Creates, updates and deletes what differs from what `hosts` say. @returns ids of every App of static hosts. */
export async function writeApps(
  apps: Pick<ObjectStore<'App'>, 'list' | 'create' | 'update' | 'delete'>,
  hosts: readonly HostFacts[],
): Promise<number[]> {
  const standing = await apps.list();
  const ours = new Map(standing.filter(isOurs).map((app) => [app.spec.id, app]));
  const others = standing.filter((app) => !isOurs(app));
  const wanted = planApps([...ours.values()], hosts);
  for (const [id, spec] of wanted) {
    const name = `app-${id}`;
    const isTaken = others.some((app) => app.spec.id === id || app.metadata.name === name);
    const mine = ours.get(id);
    if (mine !== undefined) {
      if (!isDeepStrictEqual(mine.spec, spec)) await apps.update(mine.metadata.name, spec);
    } else if (!isTaken) await apps.create({ name, labels: { [OURS.label]: OURS.value }, spec });
  }
  for (const [id, app] of ours) if (!wanted.has(id)) await apps.delete(app.metadata.name);
  return [...wanted.keys()];
}

/** The App that each title should have, by id; `standing` tells what hosts offered that are not up. */
function planApps(standing: readonly App[], hosts: readonly HostFacts[]): Map<number, Spec> {
  const wanted = new Map<number, Spec>();
  for (const { name, apps } of hosts.filter(({ state }) => state === 'up')) {
    for (const { id, title, isHdrSupported } of apps) {
      const { hosts: known = [], isHDRSupported = true } = wanted.get(id) ?? {};
      wanted.set(id, {
        id,
        title,
        isHDRSupported: isHDRSupported && isHdrSupported,
        hosts: [...new Set([...known, name])].sort(),
      });
    }
  }
  const away = new Set(hosts.filter(({ state }) => state !== 'up').map(({ name }) => name));
  for (const { spec } of standing) {
    const kept = (spec.hosts ?? []).filter((name) => away.has(name));
    if (kept.length === 0) continue;
    const { hosts: known = [], ...rest } = wanted.get(spec.id) ?? { ...spec, hosts: [] };
    wanted.set(spec.id, { ...rest, hosts: [...new Set([...known, ...kept])].sort() });
  }
  return wanted;
}

function isOurs({ metadata }: App): boolean {
  return metadata.labels?.[OURS.label] === OURS.value;
}
