/** Promise 1: any number of clients behind one address, at any bitrate, plain and encrypted, never meet. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { appIdOf } from '../operator/hosts/app-id.ts';
import type { SimClient, SimClientOptions } from '../sim/client/client.ts';
import type { StreamReport } from '../sim/client/report.ts';
import { openLab, type Lab } from './support/lab.ts';

const CLIENTS = 50;
const HOSTS = 5;
const SECONDS = 6;
/** Two shared cores carry hosts, relay and clients: a lower frame rate leaves the rules as they are. */
const FPS = 20;
const LAUNCH_SPREAD_MS = 5_000;
/** What simulated hosts offer. */
const TITLE = 'Test card';

let lab: Lab | undefined;

afterEach(async () => {
  await lab?.close();
  lab = undefined;
});

/** Half of them at each bitrate, a third with plain RTSP, half with encrypted media. */
function optionsOf(index: number): Partial<SimClientOptions> {
  const wants = index % 4 >= 2;
  return {
    bitrateKbps: index % 2 === 0 ? 10_000 : 20_000,
    corever: index % 3 === 0 ? 0 : 1,
    fps: FPS,
    wantsVideoEncryption: wants,
    wantsAudioEncryption: wants,
  };
}

async function pairClients({ createPairedClient }: Lab, count: number): Promise<SimClient[]> {
  const clients: SimClient[] = [];
  for (let index = 0; index < count; index += 1) clients.push(await createPairedClient(optionsOf(index)));
  return clients;
}

/** Each sends its inputs in a rhythm of its own, so that the counts differ. */
async function play(client: SimClient, index: number, seconds: number): Promise<StreamReport> {
  await client.launch(appIdOf(TITLE));
  return client.stream({ seconds, inputEveryMs: 150 + index * 10 });
}

/** Every frame says whose it is, and every byte that came was of the own stream. */
function expectOwnStream(report: StreamReport, name: string): void {
  expect(report, name).toMatchObject({
    ownFrames: report.frames,
    foreignFrames: 0,
    videoMalformed: 0,
    audioUndecryptable: 0,
    controlUndecryptable: 0,
    end: 'stopped',
  });
  expect(report.frames, name).toBeGreaterThan(0);
  expect(report.audioPackets, name).toBeGreaterThan(0);
  expect(report.inputEventsSent, name).toBeGreaterThan(0);
}

/** The host of each client, found by the client's key, saw exactly the inputs of that client. */
function expectOwnInputs({ hosts }: Lab, clients: SimClient[], reports: StreamReport[]): void {
  const sessions = hosts.flatMap((host) => host.sessions());
  const seen = clients.map(({ keys }) =>
    sessions.flatMap(({ rikeyid, inputEvents }) => (rikeyid === keys?.rikeyid ? inputEvents : [])),
  );
  expect(seen).toEqual(reports.map(({ inputEventsSent }) => [inputEventsSent]));
}

/** No datagram of any client was taken for somebody else's. */
async function expectNothingAstray({ metric }: Lab): Promise<void> {
  const dropped = await metric('gleipnir_relay_dropped_total');
  for (const reason of [
    'connectReused',
    'foreignVerifyConnect',
    'notAuthentic',
    'unknownConnect',
    'unknownPing',
  ])
    expect(dropped[reason], reason).toBe(0);
  expect(await metric('gleipnir_relay_roams_total')).toEqual({ control: 0, video: 0, audio: 0 });
}

describe('clients behind one address', () => {
  it(`are ${CLIENTS} on ${HOSTS} hosts, and each plays its own game`, async () => {
    lab = await openLab({ hosts: Array.from({ length: HOSTS }, () => ({})), capacity: CLIENTS / HOSTS });
    const { hosts } = lab;
    const clients = await pairClients(lab, CLIENTS);
    const reports = await Promise.all(
      clients.map(async (client, index) => {
        await delay((index * LAUNCH_SPREAD_MS) / CLIENTS);
        return play(client, index, SECONDS);
      }),
    );

    for (const [index, report] of reports.entries()) {
      expectOwnStream(report, `client ${index}`);
      expect(report.frames, `client ${index}`).toBeGreaterThan(FPS);
    }
    expectOwnInputs(lab, clients, reports);
    await expectNothingAstray(lab);
    expect(hosts.map((host) => host.sessions().length)).toEqual(hosts.map(() => CLIENTS / HOSTS));

    await Promise.all(clients.map((client) => client.cancel()));
    expect(hosts.flatMap((host) => host.sessions())).toEqual([]);
  }, 120_000);

  it('may all launch on one host in the same instant', async () => {
    const count = 10;
    lab = await openLab({ hosts: [{}], capacity: count });
    const clients = await pairClients(lab, count);
    const reports = await Promise.all(clients.map((client, index) => play(client, index, 1)));

    for (const [index, report] of reports.entries()) expectOwnStream(report, `client ${index}`);
    expectOwnInputs(lab, clients, reports);
    await expectNothingAstray(lab);
    await Promise.all(clients.map((client) => client.cancel()));
  });
});
