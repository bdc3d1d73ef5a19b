/** The kinds on a real kube-apiserver: our definitions, every example, what is refused and in which words, and how kubectl shows it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SAMPLES } from '../core/crd/samples.ts';
import { API_VERSION, KINDS, type Kind } from '../core/crd/types.ts';
import { whyNoKubelab } from '../tools/kube-lab/binary.ts';
import { ApiServer, manifestsOf } from './support/api-server.ts';

const reason = whyNoKubelab();
const title = (what: string): string => (reason === undefined ? what : `${what} (skipped: ${reason})`);
const EXAMPLES = ['examples/apps.yaml', 'examples/users.yaml', 'examples/clients.yaml'].flatMap(manifestsOf);
/** What plain `kubectl apply` can keep of an object in its annotation. */
const APPLY_BYTES_MAX = 262_144;

let api: ApiServer;
beforeAll(async () => {
  if (reason !== undefined) return;
  api = new ApiServer();
  await api.start();
}, 180_000);
afterAll(async () => {
  if (reason === undefined) await api.stop();
});

const pathOf = (kind: Kind, namespace = 'default'): string =>
  `/apis/${API_VERSION}/namespaces/${namespace}/${KINDS[kind].plural}`;
/** As kubectl sends it: unknown fields are an error. */
const STRICT = '?fieldValidation=Strict';
const nameOf = (manifest: Record<string, unknown>): string => (manifest['metadata'] as { name: string }).name;

describe.skipIf(reason !== undefined)(title('the definitions of the kinds'), () => {
  it.each(Object.keys(KINDS) as Kind[])(
    'are accepted without a warning, and small enough for apply: %s',
    async (kind) => {
      const [definition] = manifestsOf(`direwolf.games-on-whales.github.io_${KINDS[kind].plural}.yaml`);
      expect(JSON.stringify(definition).length).toBeLessThan(APPLY_BYTES_MAX / 2);
      const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${KINDS[kind].plural}.direwolf.games-on-whales.github.io`;
      const { body } = await api.ask('GET', path);
      const { status } = body as {
        status: { conditions: { type: string; status: string; message: string }[] };
      };
      const standing = Object.fromEntries(status.conditions.map((each) => [each.type, each.status]));
      expect(standing).toMatchObject({ Established: 'True', NamesAccepted: 'True' });
      expect(standing['NonStructuralSchema']).not.toBe('True');
    },
  );

  it.each(Object.keys(KINDS) as Kind[])('keep every field of a %s', async (kind) => {
    const { spec, status } = SAMPLES[kind];
    const object = { apiVersion: API_VERSION, kind, metadata: { name: 'sample' }, spec };
    const created = await api.ask('POST', pathOf(kind) + STRICT, object);
    expect(created.body).toMatchObject({ spec });
    const path = `${pathOf(kind)}/sample/status${STRICT}`;
    const patched = await api.ask('PATCH', path, { status }, 'application/merge-patch+json');
    expect(patched.body).toMatchObject({ spec, status });
  });
});

describe.skipIf(reason !== undefined)(title('the examples'), () => {
  it.each(EXAMPLES.map((manifest) => ({ kind: String(manifest['kind']), name: nameOf(manifest), manifest })))(
    'are accepted, and nothing of them is lost: $kind $name',
    async ({ kind, manifest }) => {
      const { status, body } = await api.ask('POST', pathOf(kind as Kind) + STRICT, manifest);
      expect(body).toMatchObject(manifest);
      expect(status).toBe(201);
      expect(KINDS[kind as Kind].schema.safeParse(body).success).toBe(true);
    },
  );
});

const container = { name: 'game', image: 'x' };
const BAD = [
  { kind: 'App', spec: { id: 1 }, says: 'spec.title: Required value' },
  { kind: 'App', spec: { title: 'x'.repeat(256), id: 1 }, says: 'spec.title: Too long' },
  { kind: 'App', spec: { title: 'x', id: 0 }, says: 'spec.id: Invalid value' },
  { kind: 'App', spec: { title: 'x', id: 'one' }, says: 'spec.id: Invalid value' },
  { kind: 'App', spec: { title: 'x', id: 1, appAssetWebP: '!' }, says: 'spec.appAssetWebP: Invalid value' },
  { kind: 'App', spec: { title: 'x', id: 1, hosts: ['a', 'a'] }, says: 'spec.hosts[1]: Duplicate value' },
  {
    kind: 'App',
    spec: { title: 'x', id: 1, template: { spec: {} } },
    says: 'spec.template.spec.containers: Required',
  },
  {
    kind: 'App',
    spec: { title: 'x', id: 1, template: { spec: { containers: [{ image: 'x' }] } } },
    says: 'spec.template.spec.containers[0].name: Required',
  },
  {
    kind: 'App',
    spec: {
      title: 'x',
      id: 1,
      template: { spec: { containers: [container] } },
      wolfConfig: { startAudioServer: 'no' },
    },
    says: 'spec.wolfConfig.startAudioServer: Invalid value',
  },
  {
    kind: 'App',
    spec: { title: 'x', id: 1, wolfConfig: { runtimeVariables: { logLevel: 'LOUD' } } },
    says: 'spec.wolfConfig.runtimeVariables.logLevel: Unsupported value',
  },
  {
    kind: 'User',
    spec: { resources: { limits: { cpu: 'much' } } },
    says: 'spec.resources.limits.cpu: Invalid value',
  },
  {
    kind: 'User',
    spec: { resources: { requests: { cpu: 2 }, limits: { cpu: '1500m' } } },
    says: 'spec.resources: Invalid value: requests must not be above limits',
  },
  {
    kind: 'User',
    spec: { volumes: [{ name: 'v' }, { name: 'v' }] },
    says: 'spec.volumes[1]: Duplicate value',
  },
  { kind: 'User', spec: { maxSessions: -1 }, says: 'spec.maxSessions: Invalid value' },
  {
    kind: 'User',
    spec: { sidecarPolicies: { wolf: { env: [{ name: 'A', value: 'b', valueFrom: { fieldRef: {} } }] } } },
    says: 'spec.sidecarPolicies.wolf.env[0]: Invalid value: value and valueFrom exclude each other',
  },
  {
    kind: 'User',
    spec: { sidecarPolicies: { wolfAgent: { volumeMounts: [{ name: 'v' }] } } },
    says: 'spec.sidecarPolicies.wolfAgent.volumeMounts[0].mountPath: Required',
  },
  {
    kind: 'User',
    spec: { sidecarPolicies: { steam: {} } },
    says: 'unknown field "spec.sidecarPolicies.steam"',
  },
  { kind: 'Pairing', spec: { userReference: { name: 'a' } }, says: 'spec.clientCertPEM: Required value' },
  {
    kind: 'Pairing',
    spec: { ...SAMPLES.Pairing.spec, fingerprint: 'AB:CD' },
    says: 'spec.fingerprint: Invalid value',
  },
  {
    kind: 'Session',
    spec: { ...SAMPLES.Session.spec, userReference: {} },
    says: 'spec.userReference.name: Required',
  },
] as const;

describe.skipIf(reason !== undefined)(title('a bad object'), () => {
  it.each(BAD.map((bad, index) => ({ ...bad, index })))(
    'is refused: $kind, $says',
    async ({ kind, spec, says, index }) => {
      const object = { apiVersion: API_VERSION, kind, metadata: { name: `bad-${index}` }, spec };
      const { status, body } = await api.ask('POST', pathOf(kind) + STRICT, object);
      expect((body as { message: string }).message).toContain(says);
      expect([400, 422]).toContain(status);
    },
  );

  it.each([
    { kind: 'Pairing', change: { clientCertPEM: 'other' }, says: 'another certificate is another Pairing' },
    { kind: 'Session', change: { gameReference: { name: '2' } }, says: 'delete it to end the game' },
  ] as const)('is not made of a good one: $kind', async ({ kind, change, says }) => {
    const object = { apiVersion: API_VERSION, kind, metadata: { name: 'fixed' }, spec: SAMPLES[kind].spec };
    await api.ask('POST', pathOf(kind), object);
    const patch = { spec: change };
    const { status, body } = await api.ask(
      'PATCH',
      `${pathOf(kind)}/fixed`,
      patch,
      'application/merge-patch+json',
    );
    expect((body as { message: string }).message).toContain(says);
    expect(status).toBe(422);
  });
});

describe.skipIf(reason !== undefined)(title('kubectl get'), () => {
  it.each([
    { kind: 'Session', columns: ['Name', 'Phase', 'User', 'App', 'Host', 'Client', 'Age'] },
    { kind: 'User', columns: ['Name', 'Sessions', 'Max', 'Age'] },
    { kind: 'App', columns: ['Name', 'Title', 'ID', 'Accepted', 'Available', 'Age'] },
    { kind: 'Pairing', columns: ['Name', 'Client', 'User', 'Seen', 'Age'] },
  ] as const)('shows the columns of a $kind', async ({ kind, columns }) => {
    const namespace = await api.namespace();
    const { spec, status } = SAMPLES[kind];
    await api.ask('POST', pathOf(kind, namespace), {
      apiVersion: API_VERSION,
      kind,
      metadata: { name: 'shown' },
      spec,
    });
    await api.ask(
      'PATCH',
      `${pathOf(kind, namespace)}/shown/status`,
      { status },
      'application/merge-patch+json',
    );
    const { columnDefinitions, rows } = await api.table(pathOf(kind, namespace));
    expect(columnDefinitions.filter(({ priority }) => priority === 0).map(({ name }) => name)).toEqual(
      columns,
    );
    const shown = columnDefinitions.flatMap(({ priority }, index) =>
      priority === 0 ? [rows[0]?.cells[index]] : [],
    );
    expect(shown).not.toContain(null);
    expect(shown[0]).toBe('shown');
  });

  it('knows short names and the category', async () => {
    const { body } = await api.ask('GET', `/apis/${API_VERSION}`);
    const { resources } = body as {
      resources: { name: string; shortNames?: string[]; categories?: string[] }[];
    };
    const kinds = resources.filter(({ name }) => !name.includes('/'));
    expect(kinds.map(({ shortNames }) => shortNames?.[0]).sort()).toEqual(['ga', 'gp', 'gs', 'gu']);
    expect(kinds.every(({ categories }) => categories?.includes('gleipnir'))).toBe(true);
  });
});
