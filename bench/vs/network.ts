/**
 * The network namespaces of the side-by-side bench: one pod, one client, and an edge for each lane, joined by veth. Needs root and
 * iproute2. They are removed however this process ends, as long as it can still run something; what a killed one
 * left behind, the next removes.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import type { Lane } from './lanes.ts';
import { isLeftOver, nameOf } from './leftovers.ts';

const FOLDER = '/run/netns';

/** The namespaces of one run. */
export interface Network {
  pod: string;
  client: string;
  /** Adds the links of a lane, and its edge. @returns the edge's namespace, `undefined` for the bare wire. */
  addLane: (lane: Lane) => string | undefined;
  /** Idempotent; synchronous, so that it can run as the process ends. */
  close: () => void;
}

/** @throws Error with what `ip` said */
export function createNetwork(): Network {
  removeLeftOvers();
  const names: string[] = [];
  const create = (suffix: string): string => {
    const name = nameOf(suffix);
    execFileSync('ip', ['netns', 'add', name]);
    names.push(name);
    ip(name, ['link set lo up']);
    return name;
  };
  const close = (): void => {
    for (const name of names.splice(0)) execFileSync('ip', ['netns', 'del', name]);
  };
  try {
    const pod = create('pod');
    const client = create('client');
    return {
      pod,
      client,
      close,
      addLane: (lane) => {
        if (lane.index === 0) {
          joinDirectly(pod, client, lane);
          return undefined;
        }
        const edge = create(`edge${lane.index}`);
        joinByEdge({ pod, client, edge }, lane);
        return edge;
      },
    };
  } catch (error) {
    close();
    throw error;
  }
}

function joinDirectly(pod: string, client: string, { index, pod: address, clients }: Lane): void {
  ip(pod, [
    `link add lane${index} type veth peer name lane${index} netns ${client}`,
    `addr add ${address}/24 dev lane${index}`,
    `link set lane${index} up`,
  ]);
  ip(client, [...addAll(clients, `lane${index}`), `link set lane${index} up`]);
}

function joinByEdge(names: Record<'pod' | 'client' | 'edge', string>, lane: Lane): void {
  const { index, edgeToPod, edgeToClient, clients } = lane;
  const device = `lane${index}`;
  ip(names.edge, [
    `link add to-pod type veth peer name ${device} netns ${names.pod}`,
    `link add to-client type veth peer name ${device} netns ${names.client}`,
    ...addAll([edgeToPod], 'to-pod'),
    ...addAll([edgeToClient], 'to-client'),
    'link set to-pod up',
    'link set to-client up',
  ]);
  ip(names.pod, [
    ...addAll([lane.pod], device),
    `link set ${device} up`,
    `route add ${lane.clientNet} via ${edgeToPod}`,
  ]);
  ip(names.client, [
    ...addAll(clients, device),
    `link set ${device} up`,
    `route add ${lane.podNet} via ${edgeToClient}`,
  ]);
}

function addAll(addresses: readonly string[], device: string): string[] {
  return addresses.map((address) => `addr add ${address}/24 dev ${device}`);
}

function ip(name: string, lines: readonly string[]): void {
  execFileSync('ip', ['-n', name, '-batch', '-'], { input: `${lines.join('\n')}\n` });
}

function removeLeftOvers(): void {
  if (!existsSync(FOLDER)) return;
  for (const name of readdirSync(FOLDER)) {
    if (!isLeftOver(name)) continue;
    const inside = execFileSync('ip', ['netns', 'pids', name], { encoding: 'utf8' });
    for (const pid of inside.split('\n').filter(Boolean)) process.kill(Number(pid), 'SIGKILL');
    execFileSync('ip', ['netns', 'del', name]);
  }
}
