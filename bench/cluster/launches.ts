/** From /launch to the first frame, through the appliance and through all parts as processes, in turn. */
import { createSimHost } from '../../sim/host/host.ts';
import type { SimClient } from '../../sim/client/client.ts';
import { ApplianceProcess } from '../../test/support/appliance-process.ts';
import { openClusterLab } from '../../test/support/cluster-lab.ts';
import { TEST_CARD } from '../../test/support/crowd.ts';
import { inTurn, playRounds } from '../turns.ts';

export const WAYS = ['appliance', 'cluster'] as const;
export type Way = (typeof WAYS)[number];

/** ms, by way; `launch` is to the answer of /launch, `frame` from there to the first whole frame. */
export type Launch = Record<Way, { launch: number; frame: number }>;

/** Longest time that a picture is waited for. */
const PATIENCE_S = 20;

/** @returns what each round gave. */
export async function measureLaunches(rounds: number): Promise<Launch[]> {
  const host = createSimHost({ sessionsMax: 4 });
  const { http } = await host.start();
  const appliance = await ApplianceProcess.create([http]);
  const cluster = await openClusterLab();
  try {
    await appliance.start();
    await appliance.typePinsAt([host]);
    const clients: Record<Way, SimClient> = {
      appliance: await appliance.createPairedClient({}),
      cluster: await cluster.createPairedClient(),
    };
    // Code is compiled, and who we are at the hosts is made.
    for (const way of WAYS) await launchOnce(clients[way]);
    return await playRounds(rounds, 'round', async (round) => {
      const each = await inTurn(WAYS, round, async (way) => [way, await launchOnce(clients[way])] as const);
      return Object.fromEntries(each) as Launch;
    });
  } finally {
    await cluster.close();
    await appliance.close();
    await host.stop();
  }
}

async function launchOnce(client: SimClient): Promise<{ launch: number; frame: number }> {
  const askedAt = performance.now();
  await client.launch(TEST_CARD);
  const answeredAt = performance.now();
  let seenAt = Number.NaN;
  const onFrame = (): void => {
    if (!Number.isNaN(seenAt)) return;
    seenAt = performance.now();
    client.stop();
  };
  await client.stream({ seconds: PATIENCE_S, onFrame });
  await client.quit();
  return { launch: answeredAt - askedAt, frame: seenAt - answeredAt };
}
