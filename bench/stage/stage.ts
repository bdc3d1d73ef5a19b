/** Where loads in namespaces are played: the network, the two peers, and what every load is measured with. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Child } from '../child.ts';
import type { GeneratorCommands } from './generator.ts';
import { Group } from './group.ts';
import { laneOf, type Lane } from './lanes.ts';
import { atExit, isLeftOver, nameOf } from './leftovers.ts';
import { createNetwork } from './network.ts';
import type { SinkCommands } from './sink.ts';
import { findSoftirqThreads, readThreadsUs } from './cpu-time.ts';

const REMOVE = { recursive: true, force: true } as const;

/** What has a lane to itself: its links, and a group of processes. */
export interface Place {
  stage: Stage;
  lane: Lane;
  /** The network namespace between pod and client, where it forwards. Empty for the bare wire. */
  edge: string;
  group: Group;
}

export interface Stage {
  readonly generator: Child<GeneratorCommands>;
  readonly sink: Child<SinkCommands>;
  /** Adds a lane. @param index - 0 for the bare wire */
  addPlace: (index: number) => Place;
  /** CPU time of the peers with the kernel's softirq threads, and of everything together so far, µs. */
  readUs: () => { peers: number; machine: number };
  /** For files; goes with the stage. */
  readonly folder: string;
}

/** Uses a stage and takes it down, however this process ends, short of SIGKILL. @throws Error where it cannot be */
export async function onStage<T>(use: (stage: Stage) => Promise<T>): Promise<T> {
  for (const left of readdirSync(tmpdir()).filter(isLeftOver)) rmSync(join(tmpdir(), left), REMOVE);
  const folder = mkdtempSync(join(tmpdir(), nameOf('')));
  const network = await createNetwork();
  /** One for each lane, and one for each peer. */
  const groups: Group[] = [];
  const addGroup = (suffix: string, namespace: string): Group => {
    const group = new Group(suffix, namespace);
    groups.push(group);
    return group;
  };
  const close = (): void => {
    for (const group of groups.splice(0)) group.end();
    network.close();
    rmSync(folder, REMOVE);
  };
  atExit(close);
  try {
    const pod = addGroup('pod', network.pod);
    const client = addGroup('client', network.client);
    const counter = [join(folder, 'counter')];
    const threads = findSoftirqThreads();
    const stage: Stage = {
      generator: pod.start(new URL('./generator.ts', import.meta.url), counter),
      sink: client.start(new URL('./sink.ts', import.meta.url), counter),
      folder,
      addPlace: (index) => {
        const lane = laneOf(index);
        const edge = network.addLane(lane);
        return { stage, lane, edge, group: addGroup(`lane${index}`, edge) };
      },
      readUs: () => ({
        peers: pod.readUs() + client.readUs() + readThreadsUs(threads),
        machine: pod.readMachineUs(),
      }),
    };
    return await use(stage);
  } finally {
    close();
  }
}

/** Lets the hosts of a place send to its edge. @param portOf - a flow. @returns the hosts' ports. */
export async function aimAtEdge({ stage, lane }: Place, portOf: (flow: number) => number): Promise<number[]> {
  const destinations = lane.clients.map((_, flow) => ({ address: lane.edgeToPod, port: portOf(flow) }));
  return await stage.generator.ask.aim(lane, destinations);
}
