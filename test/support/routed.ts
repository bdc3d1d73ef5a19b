/**
 * A network of three namespaces for tests of the kernel path: a client, a pod and, between them, the edge. Needs root
 * and iproute2. Sockets of a namespace are made by entering it with this thread for a moment.
 */
import { execFile } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { promisify } from 'node:util';
import { testLibc } from './kernel-libc.ts';

const run = promisify(execFile);
const NEW_NETWORK = 0x4000_0000;

export const SIDES = ['client', 'edge', 'pod'] as const;
export type Side = (typeof SIDES)[number];

/** Where everybody is; the edge may have one address for both sides. */
export interface Addresses {
  client: string;
  edgeToClient: string;
  pod: string;
  edgeToPod: string;
}

/** Client and pod each on a link of their own to the edge. */
export const ROUTED: Readonly<Record<4 | 6, Addresses>> = {
  4: { client: '10.78.1.2', edgeToClient: '10.78.1.1', pod: '10.78.2.2', edgeToPod: '10.78.2.1' },
  6: { client: 'fd78:1::2', edgeToClient: 'fd78:1::1', pod: 'fd78:2::2', edgeToPod: 'fd78:2::1' },
};

/** All three on one bridge: the edge has one device, by which everything comes and goes. */
const ONE_ARMED: typeof ROUTED = {
  4: { client: '10.78.1.2', edgeToClient: '10.78.1.1', pod: '10.78.1.3', edgeToPod: '10.78.1.1' },
  6: { client: 'fd78:1::2', edgeToClient: 'fd78:1::1', pod: 'fd78:1::3', edgeToPod: 'fd78:1::1' },
};

export type Topology = 'routed' | 'one-armed';

export interface RoutedNetwork {
  readonly addresses: typeof ROUTED;
  /** The edge's devices; those of client and pod are called `eth0`. */
  readonly edgeDevices: { client: string; pod: string };
  /** The name of a namespace, for other programs. */
  nameOf: (side: Side) => string;
  /** Runs `ip` with these arguments inside. @returns its output. */
  ip: (side: Side, ...args: string[]) => Promise<string>;
  /** Runs a program inside. @returns its output; rejects when it fails. */
  run: (side: Side, command: string, ...args: string[]) => Promise<string>;
  /** Calls `work`, which must not wait for anything, inside. */
  inside: <T>(side: Side, work: () => T) => T;
  /** Stays inside. @returns how to come back. */
  stay: (side: Side) => () => void;
  close: () => Promise<void>;
}

let networks = 0;

export async function createRoutedNetwork(topology: Topology = 'routed'): Promise<RoutedNetwork> {
  networks += 1;
  const id = `glr${process.pid}x${networks}`;
  const nameOf = (side: Side | 'hub'): string => `${id}${side}`;
  const isRouted = topology === 'routed';
  const names = isRouted ? SIDES.map(nameOf) : [...SIDES, 'hub' as const].map(nameOf);
  const close = async (): Promise<void> => {
    for (const name of names) await run('ip', ['netns', 'del', name]);
  };
  try {
    for (const name of names) {
      await run('ip', ['netns', 'add', name]);
      await ip(name, 'link', 'set', 'lo', 'up');
    }
    await (isRouted ? joinByLinks(nameOf) : joinByBridge(nameOf));
  } catch (error) {
    await close().catch(() => undefined);
    throw error;
  }
  return {
    addresses: isRouted ? ROUTED : ONE_ARMED,
    edgeDevices: isRouted ? { client: 'to-client', pod: 'to-pod' } : { client: 'eth0', pod: 'eth0' },
    nameOf,
    ip: (side, ...args) => ip(nameOf(side), ...args),
    run: async (side, ...command) => (await run('ip', ['netns', 'exec', nameOf(side), ...command])).stdout,
    inside: (side, work) => {
      const leave = enter(`/run/netns/${nameOf(side)}`);
      try {
        return work();
      } finally {
        leave();
      }
    },
    stay: (side) => enter(`/run/netns/${nameOf(side)}`),
    close,
  };
}

async function joinByLinks(nameOf: (side: Side) => string): Promise<void> {
  for (const side of ['client', 'pod'] as const) {
    const device = `to-${side}`;
    await ip(nameOf('edge'), 'link', 'add', device, 'type', 'veth', 'peer', 'eth0', 'netns', nameOf(side));
    const edge = side === 'client' ? 'edgeToClient' : 'edgeToPod';
    await bringUp(nameOf('edge'), device, [ROUTED[4][edge], ROUTED[6][edge]]);
    await bringUp(nameOf(side), 'eth0', [ROUTED[4][side], ROUTED[6][side]]);
    await ip(nameOf(side), 'route', 'add', 'default', 'via', ROUTED[4][edge]);
  }
}

async function joinByBridge(nameOf: (side: Side | 'hub') => string): Promise<void> {
  const hub = nameOf('hub');
  await ip(hub, 'link', 'add', 'br0', 'type', 'bridge');
  await ip(hub, 'link', 'set', 'br0', 'up');
  for (const side of SIDES) {
    await ip(hub, 'link', 'add', side, 'type', 'veth', 'peer', 'eth0', 'netns', nameOf(side));
    await ip(hub, 'link', 'set', side, 'master', 'br0', 'up');
    const at = side === 'edge' ? 'edgeToClient' : side;
    await bringUp(nameOf(side), 'eth0', [ONE_ARMED[4][at], ONE_ARMED[6][at]]);
  }
}

async function bringUp(name: string, device: string, [v4, v6]: readonly [string, string]): Promise<void> {
  await ip(name, 'addr', 'add', `${v4}/24`, 'dev', device);
  await ip(name, 'addr', 'add', `${v6}/64`, 'dev', device, 'nodad');
  await ip(name, 'link', 'set', device, 'up');
}

async function ip(name: string, ...args: string[]): Promise<string> {
  return (await run('ip', ['-n', name, ...args])).stdout;
}

/** Moves this thread to the network namespace of a file. @returns how to come back. */
export function enter(path: string): () => void {
  const { setns } = testLibc();
  const home = openSync('/proc/thread-self/ns/net', 'r');
  const there = openSync(path, 'r');
  const isThere = setns(there, NEW_NETWORK) === 0;
  closeSync(there);
  if (!isThere) {
    closeSync(home);
    throw new Error('setns failed');
  }
  return () => {
    setns(home, NEW_NETWORK);
    closeSync(home);
  };
}
