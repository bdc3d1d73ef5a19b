import { describe, expect, it } from 'vitest';
import { SAMPLES } from './samples.ts';
import { KINDS, type Kind } from './types.ts';

const kinds = Object.keys(KINDS) as Kind[];
const metadata = { name: 'a', uid: 'u', generation: 1, creationTimestamp: '2026-11-21T10:00:00Z' };

/** What the schema of `kind` makes of the sample with `changes` to its spec; else the paths that it complains about. */
function parse(kind: Kind, changes: object = {}): unknown {
  const { spec, status } = SAMPLES[kind];
  const candidate = { kind, metadata, spec: { ...spec, ...changes }, status };
  const parsed = KINDS[kind].schema.safeParse(candidate);
  return parsed.success ? parsed.data : parsed.error.issues.map(({ path }) => path.join('.'));
}

describe('KINDS', () => {
  it.each(kinds)('takes every field of a %s, and keeps what it contains', (kind) => {
    expect(parse(kind)).toEqual({ kind, metadata, ...SAMPLES[kind] });
  });

  it.each([
    { kind: 'User', spec: {} },
    { kind: 'App', spec: { title: 'Ball', id: 1 } },
    { kind: 'Pairing', spec: { ...SAMPLES.Pairing.spec, clientName: undefined } },
  ] as const)('needs nothing of a $kind but what names it', ({ kind, spec }) => {
    expect(KINDS[kind].schema.safeParse({ kind, metadata, spec }).success).toBe(true);
  });

  it('keeps what it does not know of a pod and of Wolf', () => {
    const template = { spec: { containers: [{ name: 'game', x: 1 }], dnsPolicy: 'None' }, y: 2 };
    const wolfConfig = { runner: { type: 'docker', mounts: [] }, z: { deep: true } };
    expect(parse('App', { template, wolfConfig })).toMatchObject({ spec: { template, wolfConfig } });
  });

  it('never reads the keys of a stream', () => {
    const config = { aesKey: 'secret', aesIV: 'secret', videoWidth: 1_280 };
    expect(parse('Session', { config })).toMatchObject({ spec: { config: { videoWidth: 1_280 } } });
    expect(JSON.stringify(parse('Session', { config }))).not.toContain('secret');
  });

  it.each([
    { kind: 'App', change: { title: '' }, path: 'spec.title' },
    { kind: 'App', change: { title: 'x'.repeat(256) }, path: 'spec.title' },
    { kind: 'App', change: { id: 0 }, path: 'spec.id' },
    { kind: 'App', change: { id: 1.5 }, path: 'spec.id' },
    { kind: 'App', change: { appAssetWebP: 'no base64!' }, path: 'spec.appAssetWebP' },
    {
      kind: 'App',
      change: { template: { spec: { containers: [] } } },
      path: 'spec.template.spec.containers',
    },
    { kind: 'User', change: { resources: { limits: { cpu: 'much' } } }, path: 'spec.resources.limits.cpu' },
    { kind: 'User', change: { maxSessions: -1 }, path: 'spec.maxSessions' },
    { kind: 'Pairing', change: { fingerprint: 'AB' }, path: 'spec.fingerprint' },
    { kind: 'Session', change: { userReference: {} }, path: 'spec.userReference.name' },
  ] as const)('says that $path of a $kind is wrong', ({ kind, change, path }) => {
    expect(parse(kind, change)).toEqual([path]);
  });
});
