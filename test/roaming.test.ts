/**
 * Promise 3: a client whose address changes in mid-stream keeps its session. Media follows with the next ping,
 * control with the first datagram that says something new; the host notices nothing.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { highestSeqIn } from '../relay/control/messages.ts';
import type { SimClient } from '../sim/client/client.ts';
import type { StreamReport } from '../sim/client/report.ts';
import type { StreamOptions } from '../sim/client/stream.ts';
import { HOST_KINDS } from './support/host-kinds.ts';
import { openLab, type Lab } from './support/lab.ts';
import { openTap, type Tap } from './support/tap.ts';

const SECONDS = 4;
const FPS = 60;
/** Soon after a ping, so that the next one is far. */
const REBIND_AT_MS = 1_540;
/** What the 500 ms between two pings cost, and half as much again. */
const FRAMES_LOST_MAX = 45;
const OTHER_ADDRESS = '127.0.0.2';

let lab: Lab;
let client: SimClient;
let tap: Tap | undefined;

async function play(wants: boolean, options: StreamOptions): Promise<StreamReport> {
  client = await lab.createPairedClient({ wantsVideoEncryption: wants, wantsAudioEncryption: wants });
  const [app] = await client.applist();
  await client.launch(app?.id ?? 0);
  return client.stream({ seconds: SECONDS, inputEveryMs: 100, ...options });
}

const roams = (): Promise<Record<string, number>> => lab.metric('gleipnir_relay_roams_total');

async function countNotAuthentic(): Promise<number> {
  return (await lab.metric('gleipnir_relay_dropped_total'))['notAuthentic'] ?? 0;
}

function sessionOfHost(): { framesSent: number; inputEvents: number; generation: number } {
  const [session] = lab.hosts.flatMap((host) => host.sessions());
  if (session === undefined) throw new Error('the session is lost');
  return session;
}

/** The stream went on to its end: nothing was lost but frames, and of these no more than a ping is late. */
function expectGoesOn(report: StreamReport): void {
  const { framesSent, inputEvents, generation } = sessionOfHost();
  expect(report).toMatchObject({ end: 'stopped', termination: null, foreignFrames: 0, videoMalformed: 0 });
  expect(report.framesLost).toBeLessThanOrEqual(FRAMES_LOST_MAX);
  expect(framesSent - (report.lastFrameIndex ?? 0)).toBeLessThan(FPS / 2);
  expect(inputEvents, 'every input arrived').toBe(report.inputEventsSent);
  expect(generation, 'nobody connected anew').toBe(1);
}

function log(name: string, { framesLost, longestGapMs, recoveryMs, audioLost }: StreamReport): void {
  console.info(`${name}: ${JSON.stringify({ framesLost, audioLost, longestGapMs, recoveryMs })}`);
}

afterEach(async () => {
  tap?.close();
  tap = undefined;
  await client.cancel();
});

describe.each(HOST_KINDS)('roaming, host $name', ({ name, options, hasVideoEncryption }) => {
  beforeAll(async () => {
    lab = await openLab({ hosts: [options] });
  });
  afterAll(() => lab.close());

  it.each([
    { what: 'to new ports', localAddress: undefined, wants: hasVideoEncryption },
    { what: 'to another address', localAddress: OTHER_ADDRESS, wants: false },
  ])('follows every socket $what', async ({ what, localAddress, wants }) => {
    const before = await roams();
    const report = await play(wants, {
      rebindAtMs: REBIND_AT_MS,
      rebind: { sockets: 'all', ...(localAddress !== undefined && { localAddress }) },
    });
    log(`${name}, ${what}`, report);
    expectGoesOn(report);
    expect(report.rebinds).toBe(1);
    for (const recoveredMs of Object.values(report.recoveryMs)) expect(recoveredMs).not.toBeNull();
    for (const [stream, count] of Object.entries(await roams()))
      expect(count, stream).toBe((before[stream] ?? 0) + 1);
    const [flow] = await lab.flows();
    const { control, video, audio } = flow?.client ?? {};
    const address = localAddress ?? '127.0.0.1';
    for (const leg of [control, video, audio]) expect(leg?.address).toBe(address);
  });

  it('takes control back with the first datagram that says something new', async () => {
    const way = (tap = await openTap(lab.ports));
    const [roamsBefore, refusedBefore] = [await roams(), await countNotAuthentic()];
    let passed = 0;
    const moving = setTimeout(() => {
      void way.rebind(OTHER_ADDRESS).then((count) => {
        passed = count;
      });
    }, REBIND_AT_MS);
    const report = await play(false, { mapPort: way.mapPort });
    clearTimeout(moving);
    expectGoesOn(report);

    const known = Math.max(...way.sent.control.slice(0, passed).map(highestSeqIn));
    const stale = way.sent.control.slice(passed).findIndex((datagram) => highestSeqIn(datagram) > known);
    expect(passed).toBeGreaterThan(0);
    expect((await countNotAuthentic()) - refusedBefore).toBe(stale);
    expect((await roams())['control']).toBe((roamsBefore['control'] ?? 0) + 1);
  });
});
