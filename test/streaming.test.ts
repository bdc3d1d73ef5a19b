/** Whole sessions on loopback: the real appliance between simulated peers, in every mode that clients and hosts have. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { SimClient, SimClientOptions } from '../sim/client/client.ts';
import type { StreamReport } from '../sim/client/report.ts';
import { openLab, type Lab } from './support/lab.ts';

const SECONDS = 3;
const FPS = 60;
const NO_ENCRYPTION = { rtsp: false, supported: 0 };

let lab: Lab;
let client: SimClient | undefined;

async function play(options: Partial<SimClientOptions>, mediaLossPercent = 0): Promise<StreamReport> {
  client = await lab.createPairedClient(options);
  const [app] = await client.applist();
  await client.launch(app?.id ?? 0);
  return client.stream({ seconds: SECONDS, inputEveryMs: 250, mediaLossPercent });
}

/** Every frame from the first to the last came, whole and our own; how fast is the bench's business. */
function expectWholeStream(report: StreamReport): void {
  expect(report.frames).toBeGreaterThan(SECONDS * FPS * 0.8);
  expect(report.firstFrameIndex).toBe(1);
  expect(report.lastFrameIndex).toBe(report.frames);
  expect(report).toMatchObject({ framesLost: 0, foreignFrames: 0, videoMalformed: 0, audioUndecryptable: 0 });
  expect(report.framesDecodable).toBe(report.frames);
  expect(report.inputEventsSeen).toBeGreaterThan(0);
  const arrived = lab.hosts.flatMap((host) => host.sessions().map(({ inputEvents }) => inputEvents));
  expect(arrived).toContain(report.inputEventsSent);
}

afterEach(async () => {
  await client?.cancel();
  client = undefined;
});

describe('a session through the appliance, host offers everything', () => {
  beforeAll(async () => {
    lab = await openLab();
  });
  afterAll(() => lab.close());

  it.each([
    { name: 'all encrypted, 10 Mbit/s', bitrateKbps: 10_000, corever: 1, wants: true },
    { name: 'all encrypted, 20 Mbit/s', bitrateKbps: 20_000, corever: 1, wants: true },
    { name: 'plain RTSP, 10 Mbit/s', bitrateKbps: 10_000, corever: 0, wants: false },
    { name: 'plain RTSP, 20 Mbit/s', bitrateKbps: 20_000, corever: 0, wants: false },
  ] as const)('plays $name', async ({ bitrateKbps, corever, wants }) => {
    const report = await play({
      bitrateKbps,
      corever,
      wantsVideoEncryption: wants,
      wantsAudioEncryption: wants,
    });
    expectWholeStream(report);
    expect(report.audioLost).toBe(0);
    expect(report.audioPackets).toBeGreaterThan(SECONDS * 200 * 0.8);
    expect(report.encryption).toEqual({
      rtsp: corever === 1,
      controlVersion: 'v2',
      video: wants,
      audio: wants,
    });
  });

  it('plays 1920x1080 to a client that says no corever', async () => {
    const report = await play({ width: 1920, height: 1080, bitrateKbps: 20_000, corever: undefined });
    expectWholeStream(report);
  });

  it.each([{ wants: true }, { wants: false }])(
    'repairs 5 % of lost media, encrypted: $wants',
    async ({ wants }) => {
      const report = await play({ wantsVideoEncryption: wants, wantsAudioEncryption: wants }, 5);
      expect(report.fecRepaired).toBeGreaterThan(0);
      expect(report.framesLost).toBeLessThanOrEqual(2);
      expect(report.frames).toBeGreaterThan(SECONDS * FPS * 0.8);
      expect(report.audioRepaired).toBeGreaterThan(0);
    },
  );
});

describe('a session through the appliance, host offers no encryption', () => {
  beforeAll(async () => {
    lab = await openLab({ hosts: [{ encryption: NO_ENCRYPTION }] });
  });
  afterAll(() => lab.close());

  it.each([10_000, 20_000])('plays with control v1 at %i kbit/s', async (bitrateKbps) => {
    const report = await play({ bitrateKbps, corever: 1 });
    expectWholeStream(report);
    expect(report.encryption).toMatchObject({ controlVersion: 'v1', video: false });
  });
});

describe('leaving and coming back', () => {
  beforeAll(async () => {
    lab = await openLab();
  });
  afterAll(() => lab.close());

  it('keeps the game, tells the client so, resumes it with new keys, and ends it on /cancel', async () => {
    client = await lab.createPairedClient();
    const [app] = await client.applist();
    const appId = app?.id ?? 0;
    await client.launch(appId);
    await client.stream({ seconds: 1, inputEveryMs: 200 });
    const first = client.keys;
    expect(await client.serverinfo()).toMatchObject({ isBusy: true, currentgame: appId });

    await client.resume(appId);
    expect(client.keys?.rikey).not.toEqual(first?.rikey);
    const report = await client.stream({ seconds: SECONDS });
    expect(report).toMatchObject({ framesLost: 0, firstFrameIndex: 1, lastFrameIndex: report.frames });
    expect(report.inputEventsSeen, 'the same game: it remembers the input').toBeGreaterThan(0);

    await client.cancel();
    expect(await client.serverinfo()).toMatchObject({ isBusy: false, currentgame: 0 });
    await expect.poll(() => lab.hosts[0]?.sessions()).toEqual([]);
  });
});

describe('two hosts at once', () => {
  beforeAll(async () => {
    lab = await openLab({ hosts: [{}, {}], capacity: 1 });
  });
  afterAll(() => lab.close());

  it('gives each client its own host, behind one address', async () => {
    const clients = await Promise.all(
      [10_000, 20_000].map((bitrateKbps) => lab.createPairedClient({ bitrateKbps })),
    );
    const reports = await Promise.all(
      clients.map(async (each) => {
        const [app] = await each.applist();
        await each.launch(app?.id ?? 0);
        return each.stream({ seconds: SECONDS, inputEveryMs: 300 });
      }),
    );
    for (const report of reports) expectWholeStream(report);
    expect(lab.hosts.map((host) => host.sessions().length)).toEqual([1, 1]);
    await Promise.all(clients.map((each) => each.cancel()));
  });
});
