/** Redis and the API server go away under load: streams lose nothing, a launch gets a sentence. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CLUSTER_MISSING, IS_CLUSTER_MISSING } from './support/cluster-lab.ts';
import { expectNothingLost, FaultSuite } from './support/cluster-suite.ts';
import { askRedis } from './support/redis.ts';

const SESSIONS = Number(process.env['CLUSTER_SESSIONS'] ?? 20);
/** How long what goes away is away. */
const AWAY_MS = Number(process.env['CLUSTER_AWAY_S'] ?? 5) * 1_000;
/** The heap of Node breathes by less. */
const GROWTH_MIB_MAX = 32;
const SENTENCE_WITHIN_MS = 3_000;
const BACK_WITHIN_MS = 2_000;
const SENTENCE = /^The (session table|Kubernetes API server) does not answer/;

/** No process grew as one does that queues what it cannot tell anybody. */
function expectFlat(what: string, former: Map<string, number>, latter: Map<string, number>): void {
  const grown = [...latter].map(([name, size]): [string, number] => [
    name,
    size - (former.get(name) ?? size),
  ]);
  console.log(`${what}, MiB more: ${grown.map(([name, more]) => `${name} ${more.toFixed(1)}`).join(', ')}`);
  for (const [name, more] of grown) expect(more, name).toBeLessThan(GROWTH_MIB_MAX);
}

describe.skipIf(IS_CLUSTER_MISSING)(`${SESSIONS} sessions on parts that run apart${CLUSTER_MISSING}`, () => {
  let suite: FaultSuite;

  beforeAll(async () => {
    suite = await FaultSuite.open(SESSIONS);
  });
  afterAll(() => suite.lab.close());

  it('lose nothing when Redis is emptied, and every row is put back', async () => {
    let ms = 0;
    const reports = await suite.playThrough(async () => {
      const rows = await suite.rows();
      const since = performance.now();
      await askRedis(suite.lab.cluster.redisPort, ['FLUSHALL']);
      await expect.poll(() => suite.rows(), { timeout: 10_000, interval: 50 }).toEqual(rows);
      ms = performance.now() - since;
      console.log(`emptied: ${rows.length} rows back after ${Math.round(ms)} ms`);
    });
    expectNothingLost(reports);
    expect(ms).toBeLessThan(BACK_WITHIN_MS);
  });

  /** @param what goes away by `away` and comes by `back`; a launch meanwhile is told so. */
  async function expectOutageCostsNothing(
    what: string,
    away: () => Promise<void> | void,
    back: () => Promise<void> | void,
  ): Promise<void> {
    const reports = await suite.playThrough(async () => {
      const since = performance.now();
      await away();
      const { text, ms } = await suite.askToLaunch();
      console.log(`${what}: a launch is told after ${Math.round(ms)} ms: ${text}`);
      const restMs = Math.max(0, AWAY_MS - (performance.now() - since));
      await delay(restMs / 2);
      const former = await suite.memory();
      await delay(restMs / 2);
      const latter = await suite.memory();
      await back();
      await delay(BACK_WITHIN_MS);
      expectFlat(what, former, latter);
      expect(text).toMatch(SENTENCE);
      expect(ms).toBeLessThan(SENTENCE_WITHIN_MS);
      await suite.expectLaunch();
    });
    expectNothingLost(reports);
  }

  it('lose nothing while Redis hangs', async () => {
    const redis = suite.lab.cluster.part('redis');
    await expectOutageCostsNothing(
      'Redis hangs',
      () => {
        redis.pause();
      },
      () => {
        redis.resume();
      },
    );
  });

  it('lose nothing while Redis is gone, and when it comes back empty', async () => {
    const redis = suite.lab.cluster.part('redis');
    await expectOutageCostsNothing(
      'Redis is gone',
      () => redis.stop('SIGKILL'),
      () => {
        redis.start();
      },
    );
  });

  it('lose nothing while the API server hangs', async () => {
    const { controlPlane } = suite.lab.cluster;
    await expectOutageCostsNothing(
      'the API server hangs',
      () => controlPlane.pauseApiServer(),
      () => {
        controlPlane.resumeApiServer();
      },
    );
  });

  it('lose nothing while the API server is gone', async () => {
    const { controlPlane } = suite.lab.cluster;
    await expectOutageCostsNothing(
      'the API server is gone',
      () => controlPlane.killApiServer(),
      () => controlPlane.startApiServer(),
    );
  });
});
