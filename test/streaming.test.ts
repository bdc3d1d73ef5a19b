/**
 * Whole sessions on loopback: the real appliance between simulated peers, in every mode that clients have, with
 * every kind of host.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { SimClient, SimClientOptions } from '../sim/client/client.ts';
import type { StreamReport } from '../sim/client/report.ts';
import { FULL_HOST, HOST_KINDS, WOLF_HOST, type HostKind } from './support/host-kinds.ts';
import { openLab, type Lab } from './support/lab.ts';

const SECONDS = 2;
const FPS = 60;
/** A client alone waits for 120 frames before it asks for one that it can show. */
const FRAMES_WITHOUT_PICTURE_MAX = FPS;

let lab: Lab;
let client: SimClient | undefined;

async function play(options: Partial<SimClientOptions>, mediaLossPercent = 0): Promise<StreamReport> {
  client = await lab.createPairedClient(options);
  const [app] = await client.applist();
  await client.launch(app?.id ?? 0);
  return client.stream({ seconds: SECONDS, inputEveryMs: 250, mediaLossPercent });
}

/** All that its host sent came, but for what was under way at the end: a busy machine sends less, and loses nothing. */
function expectAllThatWasSent(report: StreamReport): void {
  const sent = lab.hosts.flatMap((host) => host.sessions().map(({ framesSent }) => framesSent));
  expect(report.frames).toBeGreaterThan(FPS / 2);
  expect(sent, 'sessions, still there').not.toEqual([]);
  expect(Math.max(...sent) - (report.lastFrameIndex ?? 0)).toBeLessThan(FPS / 2);
}

/** Every frame from the first to the last came, whole and our own; how fast is the bench's business. */
function expectWholeStream(report: StreamReport, { startsAtFrame0 }: HostKind): void {
  expectAllThatWasSent(report);
  expect(report).toMatchObject({
    end: 'stopped',
    firstFrameIndex: 1,
    lastFrameIndex: report.frames,
    framesLost: 0,
    ownFrames: report.frames,
    foreignFrames: 0,
    videoMalformed: 0,
    audioUndecryptable: 0,
  });
  const withoutPicture = report.frames - report.framesDecodable;
  expect(withoutPicture).toBeLessThanOrEqual(startsAtFrame0 ? FRAMES_WITHOUT_PICTURE_MAX : 0);
  expect(report.inputEventsSeen).toBeGreaterThan(0);
  const arrived = lab.hosts.flatMap((host) => host.sessions().map(({ inputEvents }) => inputEvents));
  expect(arrived).toContain(report.inputEventsSent);
}

afterEach(async () => {
  await client?.cancel();
  client = undefined;
});

describe.each(HOST_KINDS)('a session through the appliance, host $name', (kind) => {
  beforeAll(async () => {
    lab = await openLab({ hosts: [kind.options] });
  });
  afterAll(() => lab.close());

  it.each([
    { name: 'all encryption, 10 Mbit/s', bitrateKbps: 10_000, corever: 1, wants: true },
    { name: 'all encryption, 20 Mbit/s', bitrateKbps: 20_000, corever: 1, wants: true },
    { name: 'plain RTSP, 10 Mbit/s', bitrateKbps: 10_000, corever: 0, wants: false },
    { name: 'plain RTSP, 20 Mbit/s', bitrateKbps: 20_000, corever: 0, wants: false },
  ] as const)('plays to a client that wants $name', async ({ bitrateKbps, corever, wants }) => {
    const report = await play({
      bitrateKbps,
      corever,
      wantsVideoEncryption: wants,
      wantsAudioEncryption: wants,
    });
    expectWholeStream(report, kind);
    expect(report.audioLost).toBe(0);
    expect(report.audioPackets).toBeGreaterThan(report.frames);
    expect(report.encryption).toEqual({
      rtsp: corever === 1,
      controlVersion: kind.controlVersion,
      video: wants && kind.hasVideoEncryption,
      audio: wants,
    });
  });

  it('plays 1920x1080 to a client that says no corever', async () => {
    const report = await play({ width: 1920, height: 1080, bitrateKbps: 20_000, corever: undefined });
    expectWholeStream(report, kind);
  });

  it.each([{ wants: true }, { wants: false }])(
    'repairs 5 % of lost media, encrypted: $wants',
    async ({ wants }) => {
      const report = await play({ wantsVideoEncryption: wants, wantsAudioEncryption: wants }, 5);
      expect(report.fecRepaired).toBeGreaterThan(0);
      expect(report.framesLost).toBeLessThanOrEqual(2);
      expectAllThatWasSent(report);
      expect(report.audioRepaired).toBeGreaterThan(0);
    },
  );

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
  const kinds = [FULL_HOST, WOLF_HOST];

  beforeAll(async () => {
    lab = await openLab({ hosts: kinds.map(({ options }) => options), capacity: 1 });
  });
  afterAll(() => lab.close());

  it('gives each client its own host, behind one address', async () => {
    const clients = [
      await lab.createPairedClient({ bitrateKbps: 10_000 }),
      await lab.createPairedClient({ bitrateKbps: 20_000 }),
    ];
    const reports = await Promise.all(
      clients.map(async (each) => {
        const [app] = await each.applist();
        await each.launch(app?.id ?? 0);
        return each.stream({ seconds: SECONDS, inputEveryMs: 300 });
      }),
    );
    for (const report of reports) expectWholeStream(report, WOLF_HOST);
    expect(lab.hosts.map((host) => host.sessions().length)).toEqual([1, 1]);
    await Promise.all(clients.map((each) => each.cancel()));
  });
});
