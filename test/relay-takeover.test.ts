/**
 * The public address moves from one relay's machine to another's and back, in the middle of twenty sessions: every
 * stream goes on through whoever has it, and neither clients nor hosts meet anybody new.
 */
import { afterEach, describe, expect, it } from 'vitest';
import { KERNEL_PATH_MISSING } from './support/kernel-suite.ts';
import { MovingRelays, PUBLIC_ADDRESS, UPSTREAM_PORT_BASE, type MoveOrder } from './support/moving-relays.ts';
import { whyNoNamespaces } from './support/netns.ts';
import { REDIS_MISSING } from './support/redis.ts';
import { SteadyStreams } from './support/steady-streams.ts';

const SESSIONS = 20;
const GAP_MS_MAX = 3_000;

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function open(
  datapath: 'userspace' | 'kernel',
): Promise<{ relays: MovingRelays; streams: SteadyStreams }> {
  const relays = await MovingRelays.open(datapath);
  cleanups.push(() => relays.close());
  const { client, host, table } = relays;
  const place = { address: PUBLIC_ADDRESS, upstreamPortBase: UPSTREAM_PORT_BASE };
  const streams = await SteadyStreams.begin(SESSIONS, { place, client, host, table });
  cleanups.push(() => {
    streams.close();
  });
  await streams.expectAllGoOn();
  return { relays, streams };
}

/** Moves the address while all play. @returns the gap of each media stream, ms. */
async function move(
  { relays, streams }: Awaited<ReturnType<typeof open>>,
  order: MoveOrder,
): Promise<number[]> {
  const former = relays.owner;
  streams.beginGap();
  await streams.expectAllGoOn();
  const { video: calm } = streams.gaps();
  streams.beginGap();
  const startMs = await relays.move(order);
  await streams.expectAllGoOn();
  const { video, audio, control } = streams.gaps();
  const media = [...video, ...audio];
  print(`moved, the address ${order}: the relay began within ${startMs} ms; media`, media);
  print('  control', control);
  print('  without a move, video', calm);
  expect(Math.max(...media, ...control)).toBeLessThan(GAP_MS_MAX);
  const sent = (await relays.sent())[former];
  await streams.expectAllGoOn();
  expect((await relays.sent())[former], 'what the relay sent that lost the address').toBe(sent);
  return media;
}

function print(what: string, gaps: readonly number[]): void {
  const sorted = gaps.map(Math.round).sort((one, other) => one - other);
  console.log(`${what}: median ${sorted[sorted.length >> 1]} ms, worst ${sorted.at(-1)} ms`);
}

const missing = [await whyNoNamespaces(), REDIS_MISSING].find((reason) => reason !== undefined);

describe.each([
  { datapath: 'userspace' as const, reason: missing },
  { datapath: 'kernel' as const, reason: missing ?? KERNEL_PATH_MISSING },
])('take-over by a relay, $datapath', ({ datapath, reason }) => {
  it.skipIf(reason !== undefined)(
    `carries on every stream, there and back${reason === undefined ? '' : ` (skipped: ${reason})`}`,
    async () => {
      const stage = await open(datapath);
      const { relays, streams } = stage;
      const [clientsKnow, hostsKnow] = [streams.peersOfClients(), streams.peersOfHosts()];
      expect(clientsKnow.size).toBe(3);
      expect(hostsKnow).toHaveLength(3 * SESSIONS);
      expect((await relays.sent())[1], 'sent by the relay that waits').toBe(0);

      const gaps = [...(await move(stage, 'leaves first')), ...(await move(stage, 'comes first'))];
      await relays.redis.stop();
      gaps.push(...(await move(stage, 'leaves first')), ...(await move(stage, 'comes first')));
      await relays.redis.start();
      print(`${datapath}, ${SESSIONS} sessions, 4 moves, media`, gaps);

      expect(streams.peersOfClients()).toEqual(clientsKnow);
      expect(streams.peersOfHosts()).toEqual(hostsKnow);
      expect(streams.repeated()).toBe(0);
      const flows = async () =>
        (await relays.table.reader.list('flow')).map(({ id, status }) => ({ id, status }));
      await expect.poll(flows).toHaveLength(SESSIONS);
      for (const { id, status } of await flows()) {
        expect(id).toMatch(new RegExp(`^session-\\d+:${PUBLIC_ADDRESS}$`));
        expect(status).toBe('live');
      }
    },
  );
});
