/**
 * The gate of plain RTSP, end to end: whatever ends a game before its client has played, the gate is given back then,
 * and does not have to run out before the next client of the same address gets its answer.
 */
import { afterEach, describe, expect, it } from 'vitest';
import type { SimClient } from '../sim/client/client.ts';
import { openLab, type Lab } from './support/lab.ts';

const GATE = 'gate 127.0.0.1';

let lab: Lab;
afterEach(() => lab.close());

interface Player {
  client: SimClient;
  appId: number;
}

/** Sends the first form of a console page that goes to `action`. */
async function press(page: string, action: string): Promise<void> {
  const origin = `http://127.0.0.1:${lab.ports.web}`;
  const text = await (await fetch(`${origin}${page}`)).text();
  const form = new RegExp(`action="${action}".*?</form>`, 's').exec(text)?.[0] ?? '';
  const fields = form.matchAll(/name="([^"]+)" value="([^"]*)"/g);
  const body = new URLSearchParams(
    Object.fromEntries([...fields].map(([, name = '', value = '']) => [name, value])),
  );
  const { status } = await fetch(`${origin}${action}`, { method: 'POST', headers: { origin }, body });
  expect(status).toBe(200);
}

const untilOver = ({ client }: Player) =>
  expect.poll(async () => (await client.serverinfo()).isBusy, { timeout: 10_000 }).toBe(false);

/** Every way in which a game ends, or gives way to its next generation, between its answer and its PLAY. */
const ENDS: { name: string; end: (player: Player) => Promise<unknown> }[] = [
  { name: '/cancel', end: ({ client }) => client.cancel() },
  { name: 'the console', end: () => press('/sessions', '/sessions/end') },
  { name: 'the removal of its client', end: () => press('/clients', '/clients/revoke') },
  {
    name: 'its app, ended on its machine',
    end: async (player) => {
      lab.hosts[0]?.endApp();
      await expect(player.client.resume(player.appId)).rejects.toThrow();
    },
  },
  {
    name: 'its machine, which went away',
    end: async (player) => {
      await lab.hosts[0]?.stop();
      await untilOver(player);
    },
  },
  {
    name: 'its next generation',
    end: ({ client, appId }) => client.resume(appId).then(() => client.cancel()),
  },
];

/** Notes each time that the gate is given back; when it runs out, nobody is told. */
function watchGate(): string[] {
  const freed: string[] = [];
  lab.claims()?.watch((name) => {
    if (name === GATE) freed.push(name);
  });
  return freed;
}

describe('a game that is ended before it was played', () => {
  it.each(ENDS)('by $name gives the gate back', async ({ end }) => {
    lab = await openLab({ hosts: [{}, {}], capacity: 1 });
    const clients = [
      await lab.createPairedClient({ corever: undefined }),
      await lab.createPairedClient({ corever: undefined }),
    ] as const;
    const [{ id: appId } = { id: 0 }] = await clients[0].applist();
    const freed = watchGate();
    await clients[0].launch(appId);
    expect(await lab.claims()?.look(GATE)).toBeDefined();
    await end({ client: clients[0], appId });
    await expect.poll(() => freed).toContain(GATE);

    await clients[1].launch(appId);
    expect(await clients[1].stream({ seconds: 1 })).toMatchObject({ framesLost: 0, foreignFrames: 0 });
    await clients[1].cancel();
  });

  it('lets a client launch, cancel, launch again and resume without a wait', async ({ annotate }) => {
    lab = await openLab();
    const client = await lab.createPairedClient({ corever: undefined });
    const [app] = await client.applist();
    const freed = watchGate();
    const tookMs: number[] = [];
    for (const act of ['launch', 'cancel', 'launch', 'resume'] as const) {
      const from = performance.now();
      await client[act](app?.id ?? 0);
      tookMs.push(Math.round(performance.now() - from));
    }
    await annotate(`launch, cancel, launch, resume took ${tookMs.join(', ')} ms`);
    expect(freed).toHaveLength(2);
    expect((await lab.claims()?.look(GATE))?.holder).toMatch(/ 2$/);
    await client.cancel();
    await expect.poll(() => freed).toHaveLength(3);
  });
});
