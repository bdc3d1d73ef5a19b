import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { loadConfig } from '../../runtime/config.ts';
import { KUBERNETES_VARIABLES, loadCluster } from './config.ts';

const Variables = z.object(KUBERNETES_VARIABLES);

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gleipnir-kubeconfig-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function kubeconfig(context: string): Promise<NodeJS.ProcessEnv> {
  const path = join(folder, 'config');
  await writeFile(
    path,
    `clusters: [{ name: c, cluster: { server: 'https://192.0.2.1:6443' } }]
users: [{ name: u, user: { token: t } }]
contexts: [{ name: x, context: ${context} }]
current-context: x`,
  );
  return { KUBERNETES_KUBECONFIG: path };
}

describe('loadCluster', () => {
  it.each([
    { name: 'the variable', context: '{ cluster: c, user: u, namespace: a }', variable: 'b', namespace: 'b' },
    {
      name: 'the kubeconfig',
      context: '{ cluster: c, user: u, namespace: a }',
      variable: '',
      namespace: 'a',
    },
    { name: 'nobody', context: '{ cluster: c, user: u }', variable: '', namespace: 'default' },
  ])('uses the namespace that $name says', async ({ context, variable, namespace }) => {
    const env = { ...(await kubeconfig(context)), KUBERNETES_NAMESPACE: variable };
    const cluster = loadCluster(loadConfig(Variables, env));
    expect(cluster.namespace).toBe(namespace);
    expect(cluster.kubeConfig.getCurrentCluster()?.server).toBe('https://192.0.2.1:6443');
  });

  it('says which file it cannot read', async () => {
    const path = join(folder, 'none');
    const load = (): unknown => loadCluster({ KUBERNETES_KUBECONFIG: path });
    expect(load).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID', details: { path } }) as Error);
    await writeFile(path, 'clusters: 5');
    expect(load).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }) as Error);
  });

  it('says that there is no cluster outside one', () => {
    expect(() => loadCluster({})).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }) as Error);
  });
});
