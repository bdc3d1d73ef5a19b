/**
 * The network namespaces of a run: one pod, one client, and an edge for each lane, joined by veth. Needs root and
 * iproute2. They are removed however this process ends, as long as it can still run something; what a killed one
 * left behind, the next removes.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { whyNoNamespaces } from '../../test/support/netns.ts';
import type { Lane } from './lanes.ts';
import { atExit, isLeftOver, nameOf, signal } from './leftovers.ts';

const FOLDER = '/run/netns';

/** The namespaces of one run. */
interface Network extends Record<'pod' | 'client', string> {
  /** Adds the links of a lane, and its edge. @returns the edge's namespace, empty for the bare wire. */
  addLane: (lane: Lane) => string;
  /** Idempotent; synchronous. It is done as the process ends, too. */
  close: () => void;
}

/** @throws Error without root or iproute2 */
export async function createNetwork(): Promise<Network> {
  const reason = await whyNoNamespaces();
  if (reason !== undefined) throw new Error(reason);
  if (existsSync(FOLDER)) readdirSync(FOLDER).filter(isLeftOver).forEach(remove);
  const names: string[] = [];
  const create = (suffix: string): string => {
    const name = nameOf(suffix);
    execFileSync('ip', ['netns', 'add', name]);
    names.push(name);
    ip(name, ['link set lo up']);
    return name;
  };
  const close = (): void => {
    for (const name of names.splice(0)) remove(name);
  };
  const addLane = (lane: Lane): string => {
    const edge = lane.index === 0 ? '' : create(`edge${lane.index}`);
    if (edge === '') joinDirectly(pod, client, lane);
    else joinByEdge({ pod, client, edge }, lane);
    return edge;
  };
  atExit(close);
  const [pod, client] = [create('pod'), create('client')];
  return { pod, client, close, addLane };
}

/** What a command must begin with to run inside a namespace. */
export function inside(namespace: string): string[] {
  return ['ip', 'netns', 'exec', namespace];
}

/** Runs a program inside a namespace to its end. @throws Error when it fails */
export function runInside(namespace: string, command: readonly string[], input = ''): void {
  execFileSync('ip', ['netns', 'exec', namespace, ...command], { input });
}

/** Makes a namespace a router. */
export function letForward(namespace: string): void {
  runInside(namespace, ['sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward']);
}

function joinDirectly(pod: string, client: string, lane: Lane): void {
  const device = `lane${lane.index}`;
  ip(pod, [
    `link add ${device} type veth peer name ${device} netns ${client}`,
    ...bringUp(device, [lane.pod]),
  ]);
  ip(client, bringUp(device, lane.clients));
}

function joinByEdge({ pod, client, edge }: Record<'pod' | 'client' | 'edge', string>, lane: Lane): void {
  const device = `lane${lane.index}`;
  ip(edge, [
    `link add to-pod type veth peer name ${device} netns ${pod}`,
    `link add to-client type veth peer name ${device} netns ${client}`,
    ...bringUp('to-pod', [lane.edgeToPod]),
    ...bringUp('to-client', [lane.edgeToClient]),
  ]);
  ip(pod, [...bringUp(device, [lane.pod]), `route add ${lane.clientNet} via ${lane.edgeToPod}`]);
  ip(client, [...bringUp(device, lane.clients), `route add ${lane.podNet} via ${lane.edgeToClient}`]);
}

function bringUp(device: string, addresses: readonly string[]): string[] {
  return [...addresses.map((address) => `addr add ${address}/24 dev ${device}`), `link set ${device} up`];
}

function ip(name: string, lines: readonly string[]): void {
  execFileSync('ip', ['-n', name, '-batch', '-'], { input: `${lines.join('\n')}\n` });
}

/** With everything that runs inside. */
function remove(name: string): void {
  const pids = execFileSync('ip', ['netns', 'pids', name], { encoding: 'utf8' });
  for (const pid of pids.split('\n').filter(Boolean)) signal(Number(pid), 'SIGKILL');
  execFileSync('ip', ['netns', 'del', name]);
}
