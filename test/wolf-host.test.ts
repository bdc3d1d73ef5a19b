/** A host that is Wolf in all its habits, with its API socket: paired by itself, followed to the end of its games. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createWolfClient, type WolfClient } from '../core/host/wolf/client.ts';
import type { SimClient } from '../sim/client/client.ts';
import { WOLF_HABITS } from '../sim/host/habits.ts';
import type { SimHost } from '../sim/host/host.ts';
import { openLab, type Lab } from './support/lab.ts';

const APPS = [
  { id: 1, title: 'Tetris' },
  { id: 2, title: 'Chess' },
];

let directory: string;
let lab: Lab;
let wolf: WolfClient;
let host: SimHost;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gleipnir-wolf-'));
  const wolfSocket = join(directory, 'wolf.sock');
  lab = await openLab({ hosts: [{ habits: WOLF_HABITS, wolfSocket, apps: APPS }] });
  wolf = createWolfClient({ socketPath: wolfSocket });
  const [first] = lab.hosts;
  if (first === undefined) throw new Error('the lab has no host');
  host = first;
});

afterEach(async () => {
  await lab.close();
  await rm(directory, { recursive: true });
});

/** Clients that play these apps, launched all at once. */
async function launch(...titles: string[]): Promise<SimClient[]> {
  const players: { client: SimClient; title: string }[] = [];
  for (const title of titles) players.push({ client: await lab.createPairedClient(), title });
  await Promise.all(players.map(({ client, title }) => launchOn(client, title)));
  return players.map(({ client }) => client);
}

async function launchOne(title = 'Tetris'): Promise<SimClient> {
  const client = await lab.createPairedClient();
  await launchOn(client, title);
  return client;
}

async function launchOn(client: SimClient, title: string): Promise<void> {
  const app = (await client.applist()).find((each) => each.title === title);
  await client.launch(app?.id ?? 0);
}

const isBusy = async (client: SimClient): Promise<boolean> => (await client.serverinfo()).isBusy;

describe('a Wolf with its API socket', () => {
  it('plays several sessions at once, each under an identity that paired by itself', async () => {
    const clients = await launch('Tetris', 'Tetris', 'Chess');
    const reports = await Promise.all(
      clients.map((client) => client.stream({ seconds: 2, inputEveryMs: 300 })),
    );
    for (const report of reports) {
      expect(report).toMatchObject({ framesLost: 0, foreignFrames: 0, audioUndecryptable: 0 });
      expect(report.frames).toBeGreaterThan(60);
      expect(report.inputEventsSeen).toBe(report.inputEventsSent);
    }
    const sessions = await wolf.sessions();
    expect(new Set(sessions.map(({ sessionId }) => sessionId)).size).toBe(3);
    expect(sessions.map(({ appId }) => appId).sort()).toEqual(['1', '1', '2']);
    // Of each session one, and the one that asks.
    expect(await wolf.clients()).toHaveLength(4);
    expect(await wolf.pairPending()).toEqual([]);
    await Promise.all(clients.map((client) => client.cancel()));
    await expect.poll(() => wolf.sessions()).toEqual([]);
  });

  it('ends a session whose app ended, with a graceful word to the client, and leaves the other alone', async () => {
    const [one, other] = [await launchOne('Tetris'), await launchOne('Chess')];
    const streams = Promise.all([one.stream({ seconds: 20 }), other.stream({ seconds: 4 })]);
    await expect.poll(() => host.sessions().map(({ framesSent }) => framesSent > 30)).toEqual([true, true]);
    const ending = (await wolf.sessions()).find(({ appId }) => appId === '1');
    await wolf.sessionsStop(ending?.sessionId ?? '');
    const [ended, kept] = await streams;
    expect(ended.termination).toBe('0x80030023');
    expect(kept.termination).toBeNull();
    expect(kept.frames).toBeGreaterThan(180);
    await expect.poll(() => isBusy(one)).toBe(false);
    expect(await isBusy(other)).toBe(true);
  });

  it('ends a session whose app ended while nobody played, also after a restart of the appliance', async () => {
    const clients = await launch('Tetris', 'Chess');
    for (const client of clients) await client.stream({ seconds: 1 });
    const stop = async (appId: string): Promise<void> => {
      const session = (await wolf.sessions()).find((each) => each.appId === appId);
      await wolf.sessionsStop(session?.sessionId ?? '');
    };
    await stop('1');
    await expect.poll(() => Promise.all(clients.map(isBusy))).toEqual([false, true]);
    await lab.restart(0);
    expect(await Promise.all(clients.map(isBusy))).toEqual([false, true]);
    await stop('2');
    await expect.poll(() => Promise.all(clients.map(isBusy))).toEqual([false, false]);
  });

  it('takes a new game of the same identity for what it is', async () => {
    const client = await launchOne();
    for (let round = 0; round < 3; round += 1) {
      await client.stream({ seconds: 0.5 });
      await client.cancel();
      await launchOn(client, 'Tetris');
    }
    const report = await client.stream({ seconds: 4 });
    expect(report.termination).toBeNull();
    expect(report.frames).toBeGreaterThan(180);
    expect(await isBusy(client)).toBe(true);
    expect(await wolf.clients()).toHaveLength(2);
  });

  it('tells the client when the host goes away, and plays on it again when it is back', async () => {
    const client = await launchOne();
    const stream = client.stream({ seconds: 30 });
    await expect.poll(() => host.sessions()[0]?.framesSent).toBeGreaterThan(30);
    await host.stop();
    const report = await stream;
    expect(report.termination).toBe('0x80030023');
    await expect.poll(() => isBusy(client)).toBe(false);
    await expect.poll(() => client.applist()).toEqual([]);
    const isOver = (line: string): boolean => /session is over/.test(line) && /HOST_UNREACHABLE/.test(line);
    expect(lab.logLines.filter(isOver)).toHaveLength(1);

    await host.start();
    await expect.poll(() => client.applist()).toHaveLength(2);
    await launchOn(client, 'Tetris');
    const again = await client.stream({ seconds: 1 });
    expect(again).toMatchObject({ framesLost: 0, foreignFrames: 0 });
    expect(again.frames).toBeGreaterThan(30);
  });
});
