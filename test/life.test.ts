/** The life of a session, end to end: leaving and coming back, taking over, and every way in which a game ends. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { SimClient } from '../sim/client/client.ts';
import type { StreamReport } from '../sim/client/report.ts';
import { openLab, type Lab, type LabOptions } from './support/lab.ts';
import { typePin } from './support/pin-page.ts';

const GRACEFUL = '0x80030023';
const FPS = 60;

let lab: Lab | undefined;

async function open(options?: LabOptions): Promise<Lab> {
  lab = await openLab(options);
  return lab;
}

afterEach(async () => {
  await lab?.close();
  lab = undefined;
});

/** A client that is about to stream. */
async function launch(client: SimClient): Promise<number> {
  const [app] = await client.applist();
  await client.launch(app?.id ?? 0);
  return app?.id ?? 0;
}

/** Streams with input until somebody ends it; resolves once pictures come, with how to wait for the end. */
async function startStream(client: SimClient): Promise<{ ended: Promise<StreamReport> }> {
  const plays = Promise.withResolvers<undefined>();
  let frames = 0;
  const ended = client.stream({
    inputEveryMs: 100,
    onFrame: () => {
      frames += 1;
      if (frames === FPS) plays.resolve(undefined);
    },
  });
  await Promise.race([plays.promise, ended]);
  return { ended };
}

/** A client of `person`, paired at the PIN page. */
async function pairFor({ createClient, ports }: Lab, person: string): Promise<SimClient> {
  const client = await createClient();
  await Promise.all([client.pair('1234'), typePin(`http://127.0.0.1:${ports.web}/`, '1234', person)]);
  return client;
}

/** What a person would read in the client. */
const words = (message: RegExp): object => ({
  details: expect.objectContaining({ message: expect.stringMatching(message) as string }) as object,
});

async function expectIdle({ hosts, dataDir }: Lab, client: SimClient): Promise<void> {
  await expect.poll(async () => (await client.serverinfo()).isBusy).toBe(false);
  await expect.poll(() => hosts.flatMap((host) => host.sessions())).toEqual([]);
  const rows = async () => {
    const entries = await readdir(join(dataDir, 'table'), { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
  };
  await expect.poll(rows).toEqual([]);
}

describe('a client that vanishes', () => {
  it.for([
    { returnAfterMs: 0, seconds: 3, stalePeerPause: false },
    { returnAfterMs: 0, seconds: 8, stalePeerPause: true },
    { returnAfterMs: 2_000, seconds: 12, stalePeerPause: true },
    { returnAfterMs: 5_000, seconds: 12, stalePeerPause: true },
    { returnAfterMs: 30_000, seconds: 12, stalePeerPause: true },
  ])(
    'returns after $returnAfterMs ms to the same game, undisturbed for $seconds s (stale peers pause: $stalePeerPause)',
    async ({ returnAfterMs, seconds, stalePeerPause }, { annotate }) => {
      const opened = await open({ hosts: [{ habits: { stalePeerPause } }] });
      const client = await opened.createPairedClient();
      const appId = await launch(client);
      const { ended } = await startStream(client);
      const rikey = client.keys?.rikey;
      client.vanish();
      const before = await ended;
      await delay(returnAfterMs);

      await client.resume(appId);
      expect(client.keys?.rikey).not.toEqual(rikey);
      const report = await client.stream({ seconds, inputEveryMs: 250 });
      expect(report).toMatchObject({ end: 'stopped', framesLost: 0, foreignFrames: 0, firstFrameIndex: 1 });
      const framesSent = opened.hosts[0]?.sessions()[0]?.framesSent ?? Infinity;
      expect(framesSent - (report.lastFrameIndex ?? 0), 'frames that did not come').toBeLessThan(FPS / 2);
      expect(report.frames).toBeGreaterThan(FPS);
      expect(report.inputEventsSeen).toBeGreaterThanOrEqual(before.inputEventsSeen + report.inputEventsSent);
      await annotate(
        `first picture ${report.firstFrameMs} ms after PLAY, longest gap ${report.longestGapMs} ms`,
      );
      expect(report.framesDecodable, 'a picture from the first frame on').toBe(report.frames);
      expect(opened.hosts[0]?.sessions()).toMatchObject([
        { generation: 2, appId: expect.anything() as number },
      ]);

      await client.cancel();
      await expectIdle(opened, client);
    },
  );
});

describe('a second device of the same person', () => {
  it.each(['resume', 'launch'] as const)(
    'takes the game over with /%s, and the first is told',
    async (verb) => {
      const opened = await open();
      const first = await pairFor(opened, 'ada');
      const second = await pairFor(opened, 'ada');
      const appId = await launch(first);
      const { ended } = await startStream(first);

      expect(await second.serverinfo()).toMatchObject({ isBusy: true, currentgame: appId });
      await second[verb](appId);
      const before = await ended;
      expect(before).toMatchObject({ end: 'terminated', termination: GRACEFUL });
      const report = await second.stream({ seconds: 2 });
      expect(report).toMatchObject({ end: 'stopped', framesLost: 0, foreignFrames: 0 });
      expect(report.inputEventsSeen, 'the same game').toBeGreaterThanOrEqual(before.inputEventsSeen);

      await first.cancel();
      await expectIdle(opened, second);
    },
  );

  it('of another person sees nothing of it', async () => {
    const opened = await open();
    const first = await pairFor(opened, 'ada');
    const second = await pairFor(opened, 'ben');
    const appId = await launch(first);
    expect(await second.serverinfo()).toMatchObject({ isBusy: false, currentgame: 0 });
    await expect(second.resume(appId)).rejects.toMatchObject(words(/runs no more/));
    await second.cancel();
    expect((await first.serverinfo()).isBusy).toBe(true);
    await first.cancel();
  });
});

describe('a game that is kept', () => {
  it('is named to a client that wants another app, which plays it after /cancel', async () => {
    const opened = await open({
      hosts: [
        {
          apps: [
            { id: 1, title: 'Chess' },
            { id: 2, title: 'Tetris' },
          ],
        },
      ],
    });
    const client = await opened.createPairedClient();
    const [chess, tetris] = await client.applist();
    await client.launch(chess?.id ?? 0);
    await client.stream({ seconds: 1 });
    await expect(client.launch(tetris?.id ?? 0)).rejects.toMatchObject(words(/Another app is still running/));
    await client.cancel();
    await client.launch(tetris?.id ?? 0);
    expect(await client.stream({ seconds: 1 })).toMatchObject({ framesLost: 0 });
    await client.cancel();
    await expectIdle(opened, client);
  });
});

describe('the end of a game', () => {
  it('by its host is told gracefully, and leaves nothing', async () => {
    const opened = await open();
    const client = await opened.createPairedClient();
    const appId = await launch(client);
    const { ended } = await startStream(client);
    opened.hosts[0]?.endApp();
    expect(await ended).toMatchObject({ end: 'terminated', termination: GRACEFUL });
    await expect.poll(async () => (await client.serverinfo()).isBusy).toBe(false);
    await expect(client.resume(appId)).rejects.toMatchObject(words(/ended on its machine/));
  });

  it('with its host is said in words', async () => {
    const opened = await open();
    const client = await opened.createPairedClient();
    const appId = await launch(client);
    const { ended } = await startStream(client);
    await opened.hosts[0]?.stop();
    await ended;
    await expect.poll(async () => (await client.serverinfo()).isBusy).toBe(false);
    await expect(client.resume(appId)).rejects.toMatchObject(words(/does not answer any more/));
  });

  it('by another device of the person is told gracefully', async () => {
    const opened = await open();
    const first = await pairFor(opened, 'ada');
    const second = await pairFor(opened, 'ada');
    await launch(first);
    const { ended } = await startStream(first);
    await second.cancel();
    expect(await ended).toMatchObject({ end: 'terminated', termination: GRACEFUL });
    await expectIdle(opened, first);
  });
});
