/** Where the side-by-side bench plays: the namespaces, the two peers, and what every load is measured with. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { whyNoNamespaces } from '../../test/support/netns.ts';
import type { Child } from '../child.ts';
import type { GeneratorCommands } from './generator.ts';
import { createGroup, type Group } from './group.ts';
import { laneOf, type Lane } from './lanes.ts';
import { isLeftOver, nameOf } from './leftovers.ts';
import { createNetwork } from './network.ts';
import type { SinkCommands } from './sink.ts';
import { findSoftirqThreads, readThreadsUs } from './softirq.ts';

/** A lane with its edge. */
export interface EdgeLane extends Lane {
  /** The network namespace between pod and client; `undefined` for the bare wire. */
  edge: string | undefined;
}

export interface Stage {
  readonly generator: Child<GeneratorCommands>;
  readonly sink: Child<SinkCommands>;
  /** @param index - 0 for the bare wire */
  addLane: (index: number) => EdgeLane;
  /** CPU time of the peers, of the kernel's softirq threads, and of everything together so far, µs. */
  readUs: () => { peers: number; softirq: number; machine: number };
  /** A group that ends with the stage. */
  createGroup: (suffix: string) => Group;
  /** For files of candidates; goes with the stage. */
  readonly folder: string;
  /** Ends every process and removes everything. Idempotent; synchronous. */
  close: () => void;
}

/** Builds everything but the lanes. It goes away however this process ends, short of SIGKILL. @throws Error */
export async function createStage(): Promise<Stage> {
  const reason = await whyNoNamespaces();
  if (reason !== undefined) throw new Error(reason);
  const groups: Group[] = [];
  const createOwnGroup = (suffix: string): Group => {
    const group = createGroup(suffix);
    groups.push(group);
    return group;
  };
  const network = createNetwork();
  for (const left of readdirSync(tmpdir()).filter(isLeftOver)) removeFolder(join(tmpdir(), left));
  const folder = mkdtempSync(join(tmpdir(), nameOf('')));
  const close = (): void => {
    for (const group of groups.splice(0)) group.end();
    network.close();
    removeFolder(folder);
  };
  process.once('exit', close);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));

  const peers = createOwnGroup('peers');
  const file = (name: string): URL => new URL(`./${name}.ts`, import.meta.url);
  const generator = peers.start<GeneratorCommands>(network.pod, file('generator'), []);
  const sink = peers.start<SinkCommands>(network.client, file('sink'), []);
  const path = join(folder, 'counter');
  await sink.ask('open', path);
  await generator.ask('open', path);
  const threads = findSoftirqThreads();
  return {
    generator,
    sink,
    folder,
    createGroup: createOwnGroup,
    addLane: (index) => {
      const lane = laneOf(index);
      return { ...lane, edge: network.addLane(lane) };
    },
    readUs: () => ({
      peers: peers.readUs(),
      softirq: readThreadsUs(threads),
      machine: peers.readMachineUs(),
    }),
    close,
  };
}

function removeFolder(path: string): void {
  rmSync(path, { recursive: true, force: true });
}
