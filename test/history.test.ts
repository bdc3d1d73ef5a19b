/** The history of a real appliance, which is killed in mid-game and started again. */
import { readFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HistoryEvent } from '../core/history/event.ts';
import type { SimClient } from '../sim/client/client.ts';
import { createSimHost, type SimHost } from '../sim/host/host.ts';
import { ApplianceProcess } from './support/appliance-process.ts';

const PATIENCE = { timeout: 30_000, interval: 200 };

let host: SimHost;
let appliance: ApplianceProcess;
let client: SimClient;
beforeAll(async () => {
  host = createSimHost({});
  const { http } = await host.start();
  appliance = await ApplianceProcess.create([http]);
  await appliance.start();
  await appliance.typePinsAt([host]);
  client = await appliance.createPairedClient({});
});
afterAll(async () => {
  await appliance.close();
  await host.stop();
});

async function history(query = ''): Promise<HistoryEvent[]> {
  const response = await fetch(new URL(`/api/history${query}`, appliance.page));
  const { items } = (await response.json()) as { items: HistoryEvent[] };
  return items.reverse();
}
/** Samples of the streams that run. */
async function sampled(): Promise<number> {
  const response = await fetch(new URL('/api/samples', appliance.page));
  const { items } = (await response.json()) as { items: { bitrateBps: number[] }[] };
  return items.flatMap(({ bitrateBps }) => bitrateBps).length;
}
const kinds = async (): Promise<string[]> => (await history()).map(({ kind }) => kind);

describe('the history of an appliance', () => {
  it('tells each thing once, though it is killed in between', async () => {
    const [app] = await client.applist();
    await client.launch(app?.id ?? 0);
    const streamed = client.stream({ seconds: 20 });
    await expect.poll(sampled, PATIENCE).toBeGreaterThan(0);
    expect(await kinds()).toEqual(['paired', 'started']);
    await appliance.end('SIGKILL');
    await appliance.start();
    await streamed;
    await expect.poll(kinds, PATIENCE).toEqual(['paired', 'started', 'left']);
    await appliance.end('SIGKILL');
    await appliance.start();
    await client.cancel();
    await expect.poll(kinds, PATIENCE).toEqual(['paired', 'started', 'left', 'ended']);

    const [paired, started, , ended] = await history();
    expect(paired).toMatchObject({ client: 'test', address: '127.0.0.1' });
    expect(started).toMatchObject({ client: 'test', app: app?.title, host: 'host-0' });
    expect(ended).toMatchObject({ reason: 'The game was quit', sessionId: started?.sessionId });
    expect(ended?.quality?.videoDatagrams).toBeGreaterThan(100);
    expect(ended?.quality?.videoLost).toBe(0);
    expect(ended?.quality?.bitrateBps).toBeGreaterThan(100_000);
  });

  it('can be had of one client, and as a table', async () => {
    expect(await history('?person=nobody')).toEqual([]);
    expect((await history('?person=TEST')).length).toBe(4);
    const csv = await (await fetch(new URL('/history.csv', appliance.page))).text();
    expect(csv.split('\r\n')).toHaveLength(6);
    expect(csv).toContain(',ended,,test,');
  });

  it('holds nothing secret, and is for its owner only', async () => {
    const folder = join(appliance.dataDir, 'history');
    const files = await readdir(folder);
    const modes = await Promise.all(files.map(async (name) => (await stat(join(folder, name))).mode & 0o777));
    expect(new Set(modes)).toEqual(new Set([0o600]));
    const text = (await Promise.all(files.map((name) => readFile(join(folder, name), 'utf8')))).join('');
    expect(text).not.toMatch(/rikey|BEGIN|1234"/);
  });
});
