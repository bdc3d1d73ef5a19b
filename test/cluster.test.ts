/** The parts as processes: a client pairs at one relay and proxy, launches at another, plays and quits. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  CLUSTER_MISSING,
  IS_CLUSTER_MISSING,
  openClusterLab,
  type ClusterLab,
} from './support/cluster-lab.ts';
import { TEST_CARD } from './support/crowd.ts';

describe.skipIf(IS_CLUSTER_MISSING)(`parts that run apart${CLUSTER_MISSING}`, () => {
  let lab: ClusterLab;

  beforeAll(async () => {
    lab = await openClusterLab();
  });
  afterAll(() => lab.close());

  it('let a client pair at one, launch at another, play, leave, come back, and quit', async () => {
    const client = await lab.createPairedClient({}, 1);
    expect((await client.applist()).map(({ id }) => id)).toEqual([TEST_CARD]);
    await client.launch(TEST_CARD);
    const played = await client.stream({ seconds: 2, inputEveryMs: 100 });
    expect(played).toMatchObject({
      framesLost: 0,
      ownFrames: played.frames,
      foreignFrames: 0,
      end: 'stopped',
    });
    expect(played.frames).toBeGreaterThan(60);

    await client.resume(TEST_CARD);
    const resumed = await client.stream({ seconds: 2, inputEveryMs: 100 });
    expect(resumed).toMatchObject({
      framesLost: 0,
      ownFrames: resumed.frames,
      foreignFrames: 0,
      end: 'stopped',
    });
    const [host] = lab.hosts;
    expect(host?.sessions().map(({ inputEvents }) => inputEvents)).toEqual([
      played.inputEventsSent + resumed.inputEventsSent,
    ]);
    await client.quit();
    expect(host?.sessions()).toEqual([]);
  });
});
