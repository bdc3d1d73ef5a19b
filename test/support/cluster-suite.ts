/** What the tests of faults share: people who play while something goes away, and one who asks for things meanwhile. */
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import { z } from 'zod';
import { API_GROUP, KINDS, type Kind } from '../../core/crd/types.ts';
import { GleipnirError } from '../../core/runtime/errors.ts';
import type { SimClient } from '../../sim/client/client.ts';
import type { StreamReport } from '../../sim/client/report.ts';
import { openClusterLab, playAll, type ClusterLab } from './cluster-lab.ts';
import { TEST_CARD } from './crowd.ts';
import { askRedis } from './redis.ts';

/** Two shared cores carry everything: a lower frame rate leaves the rules as they are. */
const FPS = 20;
/** How long all play before and after what goes wrong. */
const CALM_MS = 500;
/** Rows that outlive a pairing. */
const ROW_KEY = /^\{gleipnir\}:(session|launch|stream|flow|host|art):/;
const LEASE = '/apis/coordination.k8s.io/v1/namespaces/default/leases/gleipnir-operator';

const ObjectList = z.object({
  items: z.array(z.object({ metadata: z.object({ name: z.string(), resourceVersion: z.string() }) })),
});
const Lease = z.object({ spec: z.object({ holderIdentity: z.string() }) });

/** What a person is told who launches, and after how long, ms. */
export interface Answer {
  text: string;
  ms: number;
}

export class FaultSuite {
  readonly lab: ClusterLab;
  /** One after the other at each relay. */
  readonly players: readonly SimClient[];
  /** Does not play; asks for things while something is away. */
  readonly other: SimClient;

  private constructor(lab: ClusterLab, players: readonly SimClient[], other: SimClient) {
    this.lab = lab;
    this.players = players;
    this.other = other;
  }

  static async open(sessions: number): Promise<FaultSuite> {
    const lab = await openClusterLab();
    const clients: SimClient[] = [];
    for (let index = 0; index <= sessions; index += 1) {
      clients.push(await lab.createPairedClient({ fps: FPS }, index));
    }
    const other = clients.pop();
    if (other === undefined) throw new Error('nobody is there');
    return new FaultSuite(lab, clients, other);
  }

  /** Everybody plays while `trouble` lasts, and a little before and after. */
  async playThrough(trouble: () => Promise<void>): Promise<StreamReport[]> {
    const play = await playAll(this.players);
    await delay(CALM_MS);
    const [outcome] = await Promise.allSettled([trouble()]);
    await delay(CALM_MS);
    const reports = await play.finish();
    await this.lab.cluster.ready();
    for (const player of this.players) await player.cancel();
    if (outcome.status === 'rejected') throw outcome.reason;
    return reports;
  }

  /** Launches as somebody who does not play. */
  async askToLaunch(): Promise<Answer> {
    const since = performance.now();
    const text = await this.other.launch(TEST_CARD).then(() => 'launched', wordsOf);
    return { text, ms: performance.now() - since };
  }

  /** Whoever does not play can. */
  async expectLaunch(): Promise<void> {
    await this.other.launch(TEST_CARD);
    const report = await this.other.stream({ seconds: 1 });
    expect(report).toMatchObject({ foreignFrames: 0, end: 'stopped' });
    await this.other.cancel();
  }

  /** Keys in Redis of the rows that outlive a pairing. */
  async rows(): Promise<string[]> {
    const keys = await askRedis(this.lab.cluster.redisPort, ['KEYS', '{gleipnir}:*']);
    return keys
      .split('\n')
      .filter((key) => ROW_KEY.test(key))
      .sort();
  }

  /** Names of the objects of a kind, and their versions. */
  async objects(kind: Kind): Promise<Map<string, string>> {
    const { body } = await this.lab.cluster.ask('GET', pathOf(kind));
    const { items } = ObjectList.parse(body);
    return new Map(items.map(({ metadata }) => [metadata.name, metadata.resourceVersion]));
  }

  async remove(kind: Kind, name: string): Promise<void> {
    await this.lab.cluster.ask('DELETE', `${pathOf(kind)}/${name}`);
  }

  /** Resident memory of the parts, MiB. */
  async memory(): Promise<Map<string, number>> {
    const sizes = [...this.lab.cluster.pids()].map(async ([name, pid]): Promise<[string, number]> => {
      const status = await readFile(`/proc/${pid}/status`, 'utf8');
      return [name, Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) / 1024];
    });
    return new Map(await Promise.all(sizes));
  }

  /** Name of the operator that leads, by its lease. */
  async leader(): Promise<string> {
    const { body } = await this.lab.cluster.ask('GET', LEASE);
    return Lease.parse(body).spec.holderIdentity;
  }
}

/** Everybody saw every frame of their own game, and nothing else. */
export function expectNothingLost(reports: readonly StreamReport[]): void {
  for (const [index, report] of reports.entries()) {
    expect(report, `player ${index}`).toMatchObject({ framesLost: 0, foreignFrames: 0, end: 'stopped' });
    expect(report.ownFrames, `player ${index}`).toBe(report.frames);
  }
}

function pathOf(kind: Kind): string {
  return `/apis/${API_GROUP}/v1alpha1/namespaces/default/${KINDS[kind].plural}`;
}

/** What a client would show. */
function wordsOf(error: unknown): string {
  if (error instanceof GleipnirError) return `${String(error.details['message'])} (${error.code})`;
  return String(error);
}
