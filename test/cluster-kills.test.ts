/** Parts die or stop under load, one after the other: what it costs, and no more. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StreamReport } from '../sim/client/report.ts';
import { CLUSTER_MISSING, IS_CLUSTER_MISSING, playAll } from './support/cluster-lab.ts';
import { TEST_CARD } from './support/crowd.ts';
import { expectNothingLost, FaultSuite } from './support/cluster-suite.ts';
import { RedisMonitor } from './support/redis-monitor.ts';

const SESSIONS = Number(process.env['CLUSTER_SESSIONS'] ?? 20);
/** Of a leader that vanished, others take the lease 15 s later, and they look every 2 s. */
const NEW_LEADER_WITHIN_MS = 20_000;
/** Until somebody who is thrown out knows. */
const REFUSED_WITHIN_MS = 1_000;
/** The code by which hosts end a game in order. */
const GRACEFUL = '0x80030023';

describe.skipIf(IS_CLUSTER_MISSING)(`${SESSIONS} sessions on parts that run apart${CLUSTER_MISSING}`, () => {
  let suite: FaultSuite;

  beforeAll(async () => {
    suite = await FaultSuite.open(SESSIONS);
  });
  afterAll(() => suite.lab.close());

  /** Resolves when the part was killed and runs again. @returns how long it was not ready, ms. */
  async function killAndWait(name: string): Promise<number> {
    const part = suite.lab.cluster.part(name);
    const since = performance.now();
    await part.kill();
    await expect.poll(() => part.pid, { interval: 20 }).toBeDefined();
    await part.ready();
    return performance.now() - since;
  }

  /** Resolves when another operator than `former` leads. @returns how long that took, ms. */
  async function awaitNewLeader(former: string): Promise<number> {
    const since = performance.now();
    await expect.poll(() => suite.leader(), { timeout: NEW_LEADER_WITHIN_MS * 2 }).not.toBe(former);
    return performance.now() - since;
  }

  it.each(['proxy-1', 'proxy-2'])(
    'lose nothing when %s is killed, and somebody can launch at once',
    async (name) => {
      const reports = await suite.playThrough(async () => {
        await suite.lab.cluster.part(name).kill();
        await suite.expectLaunch();
        await suite.lab.cluster.ready();
      });
      expectNothingLost(reports);
    },
  );

  it('lose nothing when the leading operator is killed, and a launch waits for the next one', async () => {
    const reports = await suite.playThrough(async () => {
      const former = await suite.leader();
      const since = performance.now();
      await suite.lab.cluster.part(former).kill();
      await suite.expectLaunch();
      console.log(
        `${former} was killed: a launch and 1 s of play took ${Math.round(performance.now() - since)} ms`,
      );
      expect(performance.now() - since).toBeLessThan(NEW_LEADER_WITHIN_MS + 5_000);
    });
    expectNothingLost(reports);
  });

  it.each([0, 1])(
    'go on after an outage when relay %i is killed, and those at the other one lose nothing',
    async (index) => {
      let outageMs = 0;
      const reports = await suite.playThrough(async () => {
        outageMs = await killAndWait(`relay-${index + 1}`);
      });
      const isOfIt = (_: StreamReport, player: number): boolean => player % 2 === index;
      expectNothingLost(reports.filter((report, player) => !isOfIt(report, player)));
      const gapsMs = reports.filter(isOfIt).map(({ longestGapMs }) => Math.round(longestGapMs));
      console.log(
        `relay-${index + 1} was away for ${Math.round(outageMs)} ms; longest gaps: ${gapsMs.join(', ')} ms`,
      );
      for (const report of reports.filter(isOfIt)) {
        expect(report).toMatchObject({ foreignFrames: 0, end: 'stopped' });
        expect(report.longestGapMs).toBeLessThan(outageMs + 1_000);
      }
    },
  );

  it('have one leader: one that was stopped for longer than its lease writes nothing when it goes on', async () => {
    const { cluster } = suite.lab;
    const reports = await suite.playThrough(async () => {
      const former = await suite.leader();
      const part = cluster.part(former);
      const { pid } = part;
      const monitor = await RedisMonitor.start(cluster.redisPort, `operator-${former}`);
      await suite.expectLaunch();
      expect(monitor.take().length).toBeGreaterThan(0);
      part.pause();
      const ms = await awaitNewLeader(former);
      console.log(`${former} stopped: ${await suite.leader()} leads after ${Math.round(ms)} ms`);
      await suite.expectLaunch();
      const objects = await Promise.all([
        suite.objects('Session'),
        suite.objects('App'),
        suite.objects('Pairing'),
      ]);
      monitor.take();
      part.resume();
      await expect.poll(() => part.pid).not.toBe(pid);
      await part.ready();
      expect(await monitor.stop()).toEqual([]);
      expect(
        await Promise.all([suite.objects('Session'), suite.objects('App'), suite.objects('Pairing')]),
      ).toEqual(objects);
      await suite.expectLaunch();
    });
    expectNothingLost(reports);
  });

  it('end in words for a client whose pairing is deleted, and it is refused', async () => {
    const former = await suite.objects('Pairing');
    const client = await suite.lab.createPairedClient({}, 1);
    const [name = ''] = [...(await suite.objects('Pairing')).keys()].filter((each) => !former.has(each));
    const play = await playAll([client]);
    const ended = play.ended();
    const since = performance.now();
    await suite.remove('Pairing', name);
    await expect
      .poll(
        () =>
          client.launch(TEST_CARD).then(
            () => 'launched',
            () => 'refused',
          ),
        { interval: 20 },
      )
      .toBe('refused');
    const refusedMs = performance.now() - since;
    const [report] = await ended;
    console.log(
      `pairing deleted: refused after ${Math.round(refusedMs)} ms, session ended after ${Math.round(performance.now() - since)} ms`,
    );
    expect(refusedMs).toBeLessThan(REFUSED_WITHIN_MS);
    expect(report).toMatchObject({ end: 'terminated', termination: GRACEFUL });
  });
});
