/** Promise 1: fifty clients behind one address, at any bitrate, plain and encrypted, never meet. */
import { afterEach, describe, expect, it } from 'vitest';
import type { SimClient } from '../sim/client/client.ts';
import type { StreamReport } from '../sim/client/report.ts';
import { openLab, type Lab } from './support/lab.ts';

const CLIENTS = 50;
const HOSTS = 5;
const SECONDS = 6;
/** Two shared cores carry hosts, relay and clients: a lower frame rate leaves the rules as they are. */
const FPS = 20;
const LAUNCH_SPREAD_MS = 5_000;

let lab: Lab | undefined;

afterEach(async () => {
  await lab?.close();
  lab = undefined;
});

async function play(client: SimClient, appId: number, index: number): Promise<StreamReport> {
  await new Promise((resolve) => setTimeout(resolve, (index * LAUNCH_SPREAD_MS) / CLIENTS));
  await client.launch(appId);
  return client.stream({ seconds: SECONDS, inputEveryMs: 200 + index * 10 });
}

describe('fifty clients from one address', () => {
  it('all play, each its own game: every frame is its own and inputs arrive only where they belong', async () => {
    const { createPairedClient, hosts } = (lab = await openLab({
      hosts: Array.from({ length: HOSTS }, () => ({})),
      capacity: CLIENTS / HOSTS,
    }));
    const clients: SimClient[] = [];
    for (let index = 0; index < CLIENTS; index += 1) {
      clients.push(
        await createPairedClient({
          bitrateKbps: index % 2 === 0 ? 10_000 : 20_000,
          corever: index % 3 === 0 ? 0 : 1,
          fps: FPS,
        }),
      );
    }
    const appId = (await clients[0]?.applist())?.[0]?.id ?? 0;
    const reports = await Promise.all(clients.map((client, index) => play(client, appId, index)));

    for (const [index, report] of reports.entries()) {
      const name = `client ${index}`;
      expect(report.frames, name).toBeGreaterThan(SECONDS * FPS * 0.5);
      expect(report, name).toMatchObject({ foreignFrames: 0, videoMalformed: 0, end: 'stopped' });
      expect(report.inputEventsSeen, name).toBeGreaterThan(0);
    }
    // Each count of inputs was sent to one session alone: the hosts saw exactly what the clients sent.
    const sent = reports.map(({ inputEventsSent }) => inputEventsSent).sort((one, other) => one - other);
    const seen = hosts.flatMap((host) => host.sessions().map(({ inputEvents }) => inputEvents));
    expect(seen.sort((one, other) => one - other)).toEqual(sent);
    expect(hosts.map((host) => host.sessions().length)).toEqual(Array.from({ length: HOSTS }, () => 10));
    await Promise.all(clients.map((client) => client.cancel()));
  }, 120_000);
});
