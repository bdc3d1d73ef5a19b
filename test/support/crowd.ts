/** What every crowd of clients behind one address is, and what each of them must see: its own game alone. */
import { expect } from 'vitest';
import { appIdOf } from '../../operator/hosts/app-id.ts';
import type { SimClient, SimClientOptions } from '../../sim/client/client.ts';
import type { StreamReport } from '../../sim/client/report.ts';
import type { SimHost } from '../../sim/host/host.ts';

/** Two shared cores carry hosts, relay and clients: a lower frame rate leaves the rules as they are. */
export const CROWD_FPS = 20;
/** What simulated hosts offer. */
export const TEST_CARD = appIdOf('Test card');

/** Why a relay drops what it takes for somebody else's. */
export const UNMISTAKEN = [
  'connectReused',
  'foreignVerifyConnect',
  'notAuthentic',
  'unknownConnect',
  'unknownPing',
] as const;

/** Half of them at each bitrate, a third with plain RTSP, half with encrypted media. */
export function optionsOf(index: number): Partial<SimClientOptions> {
  const wants = index % 4 >= 2;
  return {
    bitrateKbps: index % 2 === 0 ? 10_000 : 20_000,
    corever: index % 3 === 0 ? 0 : 1,
    fps: CROWD_FPS,
    wantsVideoEncryption: wants,
    wantsAudioEncryption: wants,
  };
}

/** Each sends its inputs in a rhythm of its own, so that the counts differ. */
export async function play(client: SimClient, index: number, seconds: number): Promise<StreamReport> {
  await client.launch(TEST_CARD);
  return client.stream({ seconds, inputEveryMs: 150 + index * 10 });
}

/** Every frame says whose it is, and every byte that came was of the own stream. */
export function expectOwnStream(report: StreamReport, name: string): void {
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
export function expectOwnInputs(
  hosts: readonly SimHost[],
  clients: SimClient[],
  reports: StreamReport[],
): void {
  const sessions = hosts.flatMap((host) => host.sessions());
  const seen = clients.map(({ keys }) =>
    sessions.flatMap(({ rikeyid, inputEvents }) => (rikeyid === keys?.rikeyid ? inputEvents : [])),
  );
  expect(seen).toEqual(reports.map(({ inputEventsSent }) => [inputEventsSent]));
}
