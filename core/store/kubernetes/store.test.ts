/** How the store takes what an API server does on a bad day. On good days: test/kubernetes-store.test.ts, with a real one. */
import type { Registry } from 'prom-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newSession, READY } from '../contract.ts';
import type { KubernetesClient } from './client.ts';
import type { ReflectTimes } from './reflect.ts';
import type { KubernetesStore } from './store.ts';
import { answer, listOf, rawSession, ScriptedApiServer, sessionsAt, watchOf } from './test-bench.ts';

let server: ScriptedApiServer;
let store: KubernetesStore<'Session'>;
let client: KubernetesClient;
let register: Registry;
/** Type and name of every change that was told. */
let told: string[];

beforeEach(async () => {
  server = new ScriptedApiServer();
  await server.start();
  open();
});
afterEach(async () => {
  await store.stop();
  client.close();
  await server.stop();
});

function open(times?: Partial<ReflectTimes>, requestMs?: number): void {
  ({ store, client, register } = sessionsAt(server.port, times, requestMs));
  told = [];
  store.watch(({ type, object }) => told.push(`${type} ${object.metadata.name}`));
}
const names = async (): Promise<string[]> => (await store.list()).map(({ metadata }) => metadata.name);
async function count(metric: string, labels: Record<string, string>): Promise<number> {
  const { values = [] } =
    (await register.getSingleMetric(`gleipnir_kubernetes_${metric}_total`)?.get()) ?? {};
  const matches = values.filter((value) =>
    Object.entries(labels).every(([label, is]) => value.labels[label] === is),
  );
  return matches.reduce((sum, { value }) => sum + value, 0);
}
const status = (code: number, message = ''): object => ({ kind: 'Status', status: 'Failure', code, message });
const change = (type: string, ...args: Parameters<typeof rawSession>): object => ({
  type,
  object: rawSession(...args),
});

describe('KubernetesStore, following', () => {
  it.each([
    { name: 'ends in 410', answer: watchOf([{ type: 'ERROR', object: status(410) }]) },
    { name: 'is refused with 410', answer: answer(410, status(410)) },
    { name: 'is refused with 500', answer: answer(500, status(500)) },
    { name: 'is cut in a line', answer: watchOf(['{"type":"MODIF'], 'breaks') },
    { name: 'ends in a line', answer: watchOf(['{"type":"MODIF'], 'ends') },
    { name: 'says no JSON', answer: watchOf(['garbage\n']) },
    { name: 'says something without a version', answer: watchOf([{ type: 'ADDED', object: {} }]) },
  ])('lists anew when the watch $name, and tells the difference once', async ({ answer: broken }) => {
    server.script(listOf(5, rawSession('a', 1), rawSession('b', 2)), broken);
    server.script(listOf(9, rawSession('b', 7), rawSession('c', 8)));
    await store.start();
    await expect.poll(() => told).toEqual(['added a', 'added b', 'deleted a', 'modified b', 'added c']);
    await expect.poll(() => store.isFollowed).toBe(true);
    expect(await count('watch_restarts', { cause: 'broken' })).toBe(1);
  });

  it('goes on from the last bookmark when a watch ends in order', async () => {
    const bookmark = { type: 'BOOKMARK', object: { metadata: { resourceVersion: '40' } } };
    let asked = '';
    server.script(listOf(5), watchOf([change('ADDED', 'a', 6), bookmark], 'ends'), (response, { url }) => {
      asked = url ?? '';
      watchOf([])(response, undefined as never);
    });
    await store.start();
    await expect.poll(() => asked).toContain('resourceVersion=40&');
    expect(server.asked.filter((request) => request !== 'WATCH')).toHaveLength(1);
    expect(told).toEqual(['added a']);
  });

  it('begins anew when a watch is silent for too long', async () => {
    open({ idleMs: 30 });
    server.script(listOf(5), watchOf([]), listOf(6, rawSession('a', 6)));
    await store.start();
    await expect.poll(() => told).toEqual(['added a']);
  });

  it('waits as long as a throttling server asks for', async () => {
    const started = performance.now();
    server.script(answer(429, status(429), { 'retry-after': '1' }), listOf(5, rawSession('a', 1)));
    server.script(answer(429, status(429), { 'retry-after': '1' }), listOf(5, rawSession('a', 1)));
    await store.start();
    expect(performance.now() - started).toBeGreaterThan(950);
    await expect.poll(() => store.isFollowed, { timeout: 5_000 }).toBe(true);
    expect(performance.now() - started).toBeGreaterThan(1_600);
    expect(told).toEqual(['added a']);
    expect(await count('requests', { outcome: 'throttled' })).toBe(2);
  });

  it('follows a server that comes later, and one that comes back', async () => {
    const { port } = server;
    await server.stop();
    const started = store.start();
    await expect.poll(() => count('requests', { outcome: 'unreachable' })).toBeGreaterThan(2);
    await expect(store.list()).rejects.toMatchObject({ code: 'OBJECTS_UNAVAILABLE' });
    server = new ScriptedApiServer();
    server.script(listOf(5, rawSession('a', 1)));
    await server.start(port);
    await started;
    await expect.poll(() => store.isFollowed).toBe(true);
    await server.stop();
    await expect.poll(() => store.isFollowed).toBe(false);
    expect(await names()).toEqual(['a']);
    server = new ScriptedApiServer();
    server.script(listOf(9, rawSession('b', 7)));
    await server.start(port);
    await expect.poll(() => told).toEqual(['added a', 'deleted a', 'added b']);
  });

  it('takes a list in pages, and begins anew when the next page is gone', async () => {
    const page = (token: string, ...items: object[]): ReturnType<typeof answer> =>
      answer(200, { metadata: { resourceVersion: '5', continue: token }, items });
    server.script(page('one', rawSession('a', 1)), answer(410, status(410)));
    server.script(
      page('one', rawSession('a', 1)),
      page('two', rawSession('b', 2)),
      page('', rawSession('c', 3)),
    );
    await store.start();
    expect(told).toEqual(['added a', 'added b', 'added c']);
  });

  it('skips and counts what is not valid, and keeps what was', async () => {
    const bad = { spec: { gameReference: 1 } };
    server.script(listOf(5, rawSession('a', 1), rawSession('bad', 2, bad), { metadata: 'none' }));
    server.script(
      watchOf([change('MODIFIED', 'a', 6, bad), change('ADDED', 'b', 7), change('DELETED', 'bad', 8, bad)]),
    );
    await store.start();
    await expect.poll(() => told).toEqual(['added a', 'added b']);
    await expect.poll(() => count('bad_objects', { kind: 'Session' })).toBe(4);
    expect(await names()).toEqual(['a', 'b']);
  });

  it('ends at once in the middle of anything', async () => {
    server.script((response) => {
      response.writeHead(200).flushHeaders();
    });
    const started = store.start();
    await expect.poll(() => server.asked).toHaveLength(1);
    await store.stop();
    await started;
    expect(store.isFollowed).toBe(false);
  });
});

describe('KubernetesStore, writing', () => {
  beforeEach(async () => {
    server.script(listOf(5, rawSession('a', 1)));
    await store.start();
    await expect.poll(() => store.isFollowed).toBe(true);
  });

  it('repeats what was throttled, and nothing else', async () => {
    const throttled = answer(429, status(429), { 'retry-after': '0.05' });
    server.script(throttled, throttled, answer(201, rawSession('b', 6)));
    await store.create(newSession('b'));
    expect(told).toEqual(['added a', 'added b']);
    server.script(answer(500, status(500, 'etcd is away')));
    const failed = store.create(newSession('c'));
    await expect(failed).rejects.toMatchObject({
      code: 'OBJECTS_UNAVAILABLE',
      details: { status: 500, answer: 'etcd is away' },
    });
  });

  it('says that nothing answers, in time', async () => {
    await store.stop();
    open(undefined, 100);
    server.script(() => undefined);
    await expect(store.delete('a')).rejects.toMatchObject({ code: 'OBJECTS_UNAVAILABLE' });
    server.script(answer(429, status(429), { 'retry-after': '60' }));
    await expect(store.delete('a')).rejects.toMatchObject({ details: { status: 429 } });
  });

  it('looks again at a conflict, and writes only what it changes', async () => {
    const bodies: unknown[] = [];
    const patched = rawSession('a', 8, { status: READY });
    server.script(answer(409, status(409)), answer(200, rawSession('a', 7)), (response, request) => {
      request.on('data', (chunk: Buffer) => bodies.push(JSON.parse(chunk.toString())));
      request.on('end', () => response.end(JSON.stringify(patched)));
    });
    await store.patchStatus('a', READY);
    expect(bodies).toEqual([{ metadata: { resourceVersion: '7', uid: 'a-1' }, status: READY }]);
    expect(told).toEqual(['added a', 'modified a']);
  });

  it.each([
    { name: 'not allowed', code: 403, expected: 'OBJECTS_UNAVAILABLE' },
    { name: 'not valid', code: 422, expected: 'REQUEST_INVALID' },
    { name: 'gone', code: 404, expected: 'OBJECT_NOT_FOUND' },
  ])('says in the server’s words that a write is $name', async ({ code, expected }) => {
    server.script(answer(code, status(code, 'spec.x: no')));
    await expect(store.patchStatus('a', READY)).rejects.toMatchObject({ code: expected });
  });

  it('does not take an answer that it cannot read', async () => {
    server.script(answer(200, rawSession('a', 9, { spec: {} })), answer(201, 'what?'));
    await expect(store.patchStatus('a', READY)).rejects.toMatchObject({ code: 'OBJECT_CORRUPT' });
    await expect(store.create(newSession('b'))).rejects.toMatchObject({ code: 'OBJECT_CORRUPT' });
    expect(told).toEqual(['added a']);
  });
});
