/**
 * Ten thousand forged moves from a third address, by somebody who has read every datagram on the way: none moves a
 * client, none reaches a host, none is answered, and the streams lose nothing.
 */
import { afterEach, describe, expect, it } from 'vitest';
import type { SimClient } from '../sim/client/client.ts';
import type { StreamReport } from '../sim/client/report.ts';
import { openForger, type Forger } from './support/forger.ts';
import { makeForgeries, type Forgery } from './support/forgeries.ts';
import { BARE_HOST, FULL_HOST } from './support/host-kinds.ts';
import { openLab, type Lab } from './support/lab.ts';
import { openTap, type Tap } from './support/tap.ts';

const FORGED_MIN = 10_000;
const THIRD_ADDRESS = '127.0.0.66';
/** Sent at once; fewer than a socket's buffer holds. */
const BATCH = 50;
/** More than the attack takes; the streams are stopped when it is over. */
const SECONDS_MAX = 50;
const PATIENCE = { timeout: 30_000, interval: 5 };
const PING_SIZE = 20;

let lab: Lab | undefined;
/** Everything opened besides. */
const open: { close: () => void }[] = [];

afterEach(async () => {
  for (const each of open.splice(0)) each.close();
  await lab?.close();
  lab = undefined;
});

/** Somebody who plays, and whose every datagram is known. */
interface Victim {
  client: SimClient;
  tap: Tap;
  streaming: Promise<StreamReport>;
}

async function play({ createPairedClient, ports }: Lab): Promise<Victim> {
  const client = await createPairedClient();
  const tap = await openTap(ports);
  open.push(tap);
  const [app] = await client.applist();
  await client.launch(app?.id ?? 0);
  const streaming = client.stream({ seconds: SECONDS_MAX, inputEveryMs: 200, mapPort: tap.mapPort });
  await expect.poll(() => tap.sent.video.length, PATIENCE).toBeGreaterThan(2);
  return { client, tap, streaming };
}

const sum = (counts: readonly number[]): number => counts.reduce((all, count) => all + count, 0);

/** Sends them all, each batch once the one before was dropped. @returns how many were dropped, by reason. */
async function commit(
  { metric }: Lab,
  forger: Forger,
  { datagrams, port }: Forgery,
): Promise<Map<string, number>> {
  const drops = (): Promise<Record<string, number>> => metric('gleipnir_relay_dropped_total');
  const before = await drops();
  const dropped = async (): Promise<number> => sum(Object.values(await drops())) - sum(Object.values(before));
  for (let from = 0; from < datagrams.length; from += BATCH) {
    const batch = datagrams.slice(from, from + BATCH);
    for (const datagram of batch) forger.send(datagram, port);
    await expect.poll(dropped, PATIENCE).toBe(from + batch.length);
  }
  const reasons = Object.entries(await drops()).map(
    ([reason, count]) => [reason, count - (before[reason] ?? 0)] as const,
  );
  return new Map(reasons.filter(([, count]) => count > 0));
}

async function attack(
  opened: Lab,
  forger: Forger,
  [victim, other]: readonly [Victim, Victim],
): Promise<number> {
  const { hosts, ports } = opened;
  const sessions = hosts.flatMap((host) => host.sessions());
  const upstreamPorts = sessions.flatMap(({ videoDestination, audioDestination }) => [
    videoDestination?.port ?? 0,
    audioDestination?.port ?? 0,
  ]);
  let count = 0;
  for (const forgery of makeForgeries({ tap: victim.tap, other: other.tap, ports, upstreamPorts })) {
    const dropped = await commit(opened, forger, forgery);
    expect(forgery.reasons, forgery.what).toEqual(expect.arrayContaining([...dropped.keys()]));
    count += sum([...dropped.values()]);
  }
  return count;
}

async function expectUnharmed({ hosts }: Lab, { client, streaming }: Victim): Promise<void> {
  client.stop();
  const report = await streaming;
  expect(report).toMatchObject({
    end: 'stopped',
    framesLost: 0,
    lastFrameIndex: report.frames,
    ownFrames: report.frames,
    foreignFrames: 0,
    videoMalformed: 0,
    audioLost: 0,
    controlUndecryptable: 0,
  });
  const sessions = hosts.flatMap((host) => host.sessions());
  const session = sessions.find(({ rikeyid }) => rikeyid === client.keys?.rikeyid);
  expect(session?.inputEvents).toBe(report.inputEventsSent);
}

/** The hosts got what the clients sent on control, and the relay's own pings on media. */
async function expectHostsGotNothing({ metric }: Lab, victims: readonly Victim[]): Promise<void> {
  const toHost = async (name: string, stream: string): Promise<number> =>
    (await metric(name))[`${stream}/to_host`] ?? 0;
  const datagrams = (stream: string): Promise<number> => toHost('gleipnir_relay_datagrams_total', stream);
  const genuine = (): number => sum(victims.map(({ tap }) => tap.sent.control.length));
  await expect.poll(async () => (await datagrams('control')) - genuine(), PATIENCE).toBe(0);
  for (const stream of ['video', 'audio']) {
    expect(await toHost('gleipnir_relay_sent_bytes_total', stream)).toBe(
      PING_SIZE * (await datagrams(stream)),
    );
  }
}

describe.each([FULL_HOST, BARE_HOST])('forged moves, host $name', ({ options }) => {
  it(`are ${FORGED_MIN} and more from a third address, and none succeeds`, async () => {
    const opened = (lab = await openLab({ hosts: [options] }));
    const forger = await openForger(THIRD_ADDRESS);
    open.push(forger);
    const victims = [await play(opened), await play(opened)] as const;
    const addresses = async (): Promise<unknown> =>
      (await opened.flows()).map(({ id, client }) => ({ id, client }));
    const before = await addresses();

    expect(await attack(opened, forger, victims)).toBeGreaterThanOrEqual(FORGED_MIN);

    expect(await addresses()).toEqual(before);
    expect(await opened.metric('gleipnir_relay_roams_total')).toEqual({ control: 0, video: 0, audio: 0 });
    expect(forger.received()).toBe(0);
    for (const victim of victims) await expectUnharmed(opened, victim);
    await expectHostsGotNothing(opened, victims);
    await Promise.all(victims.map(({ client }) => client.cancel()));
  });
});
