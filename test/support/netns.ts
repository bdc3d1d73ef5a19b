/**
 * A small network of namespaces for end-to-end tests: one bridge, one address per member. Needs root and iproute2.
 * Each member is a machine of its own as far as sockets can tell.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);
const SUBNET = '10.77.0';
/** A process that has not ended so long after SIGINT is killed. */
const PATIENCE_MS = 5_000;

/** Why namespaces cannot be had here, or `undefined` where they can. */
export async function whyNoNamespaces(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  const name = `glp${process.pid}probe`;
  try {
    await run('ip', ['netns', 'add', name]);
    await run('ip', ['netns', 'del', name]);
    return undefined;
  } catch (error) {
    return `network namespaces cannot be made: ${error instanceof Error ? error.message : String(error)}`;
  }
}

export interface Member {
  name: string;
  address: string;
  /** Starts `command` inside, in a process group of its own; ended by `close` if it still runs. */
  spawn: (command: string, args: readonly string[], env?: Record<string, string>) => ChildProcess;
  /** Runs `command` inside to its end. @returns its standard output; rejects when it fails. */
  run: (command: string, args: readonly string[]) => Promise<string>;
}

export interface Network {
  members: Member[];
  /** Joins the namespace of this process to the bridge, too. @returns its address there. */
  joinBridge: () => Promise<string>;
  /** Ends what was started inside and removes the namespaces. */
  close: () => Promise<void>;
}

/** Joins `count` fresh namespaces by a bridge; member n has the address 10.77.0.(n + 1). */
export async function createNetwork(count: number): Promise<Network> {
  const id = `glp${process.pid}`;
  const hub = `${id}hub`;
  const children = new Set<ChildProcess>();
  const names = Array.from({ length: count }, (_, index) => `${id}n${index}`);

  await run('ip', ['netns', 'add', hub]);
  await run('ip', ['-n', hub, 'link', 'add', 'br0', 'type', 'bridge']);
  await run('ip', ['-n', hub, 'link', 'set', 'br0', 'up']);
  for (const [index, name] of names.entries()) {
    await run('ip', ['netns', 'add', name]);
    await run('ip', ['-n', hub, 'link', 'add', `p${index}`, 'type', 'veth', 'peer', 'eth0', 'netns', name]);
    await run('ip', ['-n', hub, 'link', 'set', `p${index}`, 'master', 'br0', 'up']);
    await run('ip', ['-n', name, 'addr', 'add', `${SUBNET}.${index + 1}/24`, 'dev', 'eth0']);
    await run('ip', ['-n', name, 'link', 'set', 'eth0', 'up']);
    await run('ip', ['-n', name, 'link', 'set', 'lo', 'up']);
  }

  const members = names.map((name, index): Member => ({
    name,
    address: `${SUBNET}.${index + 1}`,
    spawn: (command, args, env = {}) => {
      const child = spawn('ip', ['netns', 'exec', name, command, ...args], {
        env: { ...process.env, ...env },
        detached: true,
      });
      children.add(child);
      child.once('exit', () => children.delete(child));
      return child;
    },
    run: async (command, args) => {
      const { stdout } = await run('ip', ['netns', 'exec', name, command, ...args], { maxBuffer: 1 << 24 });
      return stdout;
    },
  }));

  const joinBridge = async (): Promise<string> => {
    const [near, address] = [`${id}up`, `${SUBNET}.254`];
    await run('ip', ['link', 'add', near, 'type', 'veth', 'peer', 'name', 'uplink', 'netns', hub]);
    await run('ip', ['-n', hub, 'link', 'set', 'uplink', 'master', 'br0', 'up']);
    await run('ip', ['addr', 'add', `${address}/24`, 'dev', near]);
    await run('ip', ['link', 'set', near, 'up']);
    return address;
  };

  async function close(): Promise<void> {
    await Promise.all([...children].map(interrupt));
    for (const name of [...names, hub]) await run('ip', ['netns', 'del', name]);
  }
  return { members, joinBridge, close };
}

/** Ctrl-C in the terminal of `child`: SIGINT to it and all its children. Resolves when it has ended. */
export async function interrupt(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const group = -child.pid;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  process.kill(group, 'SIGINT');
  const insist = setTimeout(() => process.kill(group, 'SIGKILL'), PATIENCE_MS);
  await gone;
  clearTimeout(insist);
}
