/** Promise 1: any number of clients behind one address, at any bitrate, plain and encrypted, never meet. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { SimClient } from '../sim/client/client.ts';
import { CROWD_FPS, expectOwnInputs, expectOwnStream, optionsOf, play, UNMISTAKEN } from './support/crowd.ts';
import { openLab, type Lab } from './support/lab.ts';

const CLIENTS = 50;
const HOSTS = 5;
const SECONDS = 6;
const LAUNCH_SPREAD_MS = 5_000;

let lab: Lab | undefined;

afterEach(async () => {
  await lab?.close();
  lab = undefined;
});

async function pairClients({ createPairedClient }: Lab, count: number): Promise<SimClient[]> {
  const clients: SimClient[] = [];
  for (let index = 0; index < count; index += 1) clients.push(await createPairedClient(optionsOf(index)));
  return clients;
}

/** No datagram of any client was taken for somebody else's. */
async function expectNothingAstray({ metric }: Lab): Promise<void> {
  const dropped = await metric('gleipnir_relay_dropped_total');
  for (const reason of UNMISTAKEN) expect(dropped[reason], reason).toBe(0);
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
      expect(report.frames, `client ${index}`).toBeGreaterThan(CROWD_FPS);
    }
    expectOwnInputs(lab.hosts, clients, reports);
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
    expectOwnInputs(lab.hosts, clients, reports);
    await expectNothingAstray(lab);
    await Promise.all(clients.map((client) => client.cancel()));
  });
});
