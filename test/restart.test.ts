/**
 * Running sessions survive a restart and a crash of the appliance: after an outage of seconds, clients and hosts go on
 * where they were, and neither connects anew.
 */
import { afterEach, describe, expect, it } from 'vitest';
import type { SimClient, SimClientOptions } from '../sim/client/client.ts';
import type { StreamReport } from '../sim/client/report.ts';
import { createSimHost, type SimHost } from '../sim/host/host.ts';
import { ApplianceProcess } from './support/appliance-process.ts';
import { openLab, type Lab } from './support/lab.ts';

const OUTAGE_MS = 1_000;
/** What a restart may take, to be sure that no peer has given up. */
const OUTAGE_MS_MAX = 4_500;
const INPUT_EVERY_MS = 100;
/** Every kind of client: control, video and RTSP encrypted or not, below and above 15 Mbit/s. */
const CLIENTS: readonly Partial<SimClientOptions>[] = [
  { bitrateKbps: 10_000, corever: 1, wantsVideoEncryption: true, wantsAudioEncryption: true },
  { bitrateKbps: 20_000, corever: 1 },
  { bitrateKbps: 10_000, corever: 0 },
  { bitrateKbps: 20_000, corever: undefined },
];

/** A client in the middle of its game. */
interface Player {
  client: SimClient;
  appId: number;
  /** Frames that it could decode so far. */
  frames: number;
  report: Promise<StreamReport>;
}

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Launches, and streams until `client.stop`. Resolves when the first frame came. */
async function play(client: SimClient): Promise<Player> {
  const [app] = await client.applist();
  const appId = app?.id ?? 0;
  await client.launch(appId);
  const player: Player = {
    client,
    appId,
    frames: 0,
    report: client.stream({
      inputEveryMs: INPUT_EVERY_MS,
      onFrame: () => {
        player.frames += 1;
      },
    }),
  };
  cleanups.push(() => {
    client.vanish();
    return Promise.allSettled([player.report]);
  });
  await expectMoreFrames([player], 1);
  return player;
}

async function expectMoreFrames(players: readonly Player[], count: number): Promise<void> {
  const before = players.map(({ frames }) => frames);
  const more = (): number => Math.min(...players.map(({ frames }, index) => frames - (before[index] ?? 0)));
  await expect.poll(more).toBeGreaterThanOrEqual(count);
}

/** Nobody noticed but for the gap: the peers are the same, the picture is whole again, input arrives. */
function expectUninterrupted(report: StreamReport, outageMs: number): void {
  expect(report).toMatchObject({ end: 'stopped', termination: null, foreignFrames: 0, videoMalformed: 0 });
  expect(report.longestGapMs).toBeLessThan(outageMs + 1_000);
  // After the gap come frames that need what was lost, until a key frame does not.
  expect(report.frames - report.framesDecodable).toBeLessThan(30);
  // Input that was sent into the gap is repeated by its sender; the newest has not come back in a frame yet.
  expect(report.inputEventsSent - report.inputEventsSeen).toBeLessThanOrEqual(6);
}

function expectSamePeers(hosts: readonly SimHost[], sessions: number): void {
  const seen = hosts.flatMap((host) => host.sessions());
  expect(seen).toHaveLength(sessions);
  for (const session of seen)
    expect(session).toMatchObject({ generation: 1, isStreaming: true, isConnected: true });
}

async function leave(players: readonly Player[]): Promise<StreamReport[]> {
  for (const { client } of players) client.stop();
  return Promise.all(players.map(({ report }) => report));
}

function printGaps(name: string, outageMs: number, reports: readonly StreamReport[]): void {
  const gaps = reports.map(({ longestGapMs }) => Math.round(longestGapMs)).join(', ');
  console.log(`${name}: down for ${Math.round(outageMs)} ms, gaps in the picture ${gaps} ms`);
}

describe('a restart of the appliance', () => {
  async function open(): Promise<{ lab: Lab; players: Player[] }> {
    const lab = await openLab({ hosts: [{}, {}], capacity: 2, upstreamPortBase: 21_000 });
    cleanups.push(() => lab.close());
    const players: Player[] = [];
    for (const options of CLIENTS) players.push(await play(await lab.createPairedClient(options)));
    return { lab, players };
  }

  it('leaves a gap in every stream, and ends none', async () => {
    const { lab, players } = await open();
    await expectMoreFrames(players, 60);
    const outageMs = await lab.restart(OUTAGE_MS);
    await expectMoreFrames(players, 60);
    expectSamePeers(lab.hosts, players.length);
    const reports = await leave(players);
    printGaps('restart', outageMs, reports);
    for (const report of reports) expectUninterrupted(report, outageMs);
  });

  it('can be repeated', async () => {
    const { lab, players } = await open();
    for (let count = 0; count < 3; count += 1) {
      await lab.restart(0);
      await expectMoreFrames(players, 20);
    }
    expectSamePeers(lab.hosts, players.length);
    for (const report of await leave(players)) expect(report.end).toBe('stopped');
  });

  it('leaves games that can be resumed and ended, and places that are taken', async () => {
    const { lab, players } = await open();
    await lab.restart(0);
    await expectMoreFrames(players, 20);
    const late = await lab.createPairedClient();
    await expect(late.launch(players[0]?.appId ?? 0)).rejects.toMatchObject({ code: 'HOST_BUSY' });

    const reports = await leave(players);
    for (const [index, { client, appId }] of players.entries()) {
      expect(await client.serverinfo()).toMatchObject({ isBusy: true, currentgame: appId });
      await client.resume(appId);
      const report = await client.stream({ seconds: 1 });
      expect(report).toMatchObject({ end: 'stopped', framesLost: 0, foreignFrames: 0 });
      expect(report.inputEventsSeen, 'the same game').toBeGreaterThanOrEqual(
        reports[index]?.inputEventsSent ?? 0,
      );
      await client.cancel();
    }
    expect(lab.hosts.flatMap((host) => host.sessions())).toEqual([]);
    await late.launch(players[0]?.appId ?? 0);
    await late.cancel();
  });

  it('ends the games of a host that is not configured any more, and tells their clients so', async () => {
    const { lab, players } = await open();
    const before = players.map(() => 0);
    await lab.restart(0, ['host-1']);
    await expect.poll(() => lab.logLines.join('')).toContain('session cannot go on after the restart');
    const going = (): number =>
      players.filter(({ frames }, index) => {
        const isGoing = frames > (before[index] ?? 0);
        before[index] = frames;
        return isGoing;
      }).length;
    await expect.poll(going, { interval: 300 }).toBe(2);
    const reports = await leave(players);
    expect(reports.map(({ end }) => end).sort()).toEqual(['stopped', 'stopped', 'terminated', 'terminated']);
    const terminated = reports.filter(({ end }) => end === 'terminated');
    for (const { termination } of terminated) expect(termination).toBe('0x80030023');
  });
});

describe('the end of the process under load', () => {
  it.each(['SIGKILL', 'SIGTERM'] as const)(
    'by %s leaves a gap in every stream, and ends none',
    async (signal) => {
      const hosts = CLIENTS.map(() => createSimHost({ sessionsMax: 1, fill: true }));
      cleanups.push(() => Promise.all(hosts.map((host) => host.stop())));
      const ports = await Promise.all(hosts.map(async (host) => (await host.start()).http));
      const appliance = await ApplianceProcess.create(ports);
      cleanups.push(() => appliance.close());
      await appliance.start();
      await appliance.typePinsAt(hosts);
      const players: Player[] = [];
      for (const options of CLIENTS) players.push(await play(await appliance.createPairedClient(options)));
      await expectMoreFrames(players, 60);

      const diedAt = performance.now();
      await appliance.end(signal);
      const outageMs = (await appliance.start()) - diedAt;
      expect(outageMs).toBeLessThan(OUTAGE_MS_MAX);
      await expectMoreFrames(players, 60);
      expectSamePeers(hosts, players.length);
      const reports = await leave(players);
      printGaps(signal, outageMs, reports);
      for (const report of reports) expectUninterrupted(report, outageMs);
    },
  );
});
