/**
 * Machines of a small network, each a namespace, with what people run on them: the appliance, hosts, clients. Needs
 * root and iproute2.
 */
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StreamReport } from '../../sim/client/report.ts';
import { createNetwork, interrupt, type Member } from './netns.ts';

const root = join(import.meta.dirname, '../..');
const PIN = '1234';
/** The console, on the machine of the appliance. */
export const CONSOLE = 'http://127.0.0.1:47990/';

export class Machines {
  /** A folder for what they write. */
  readonly directory: string;
  readonly #members: readonly Member[];
  readonly #close: () => Promise<void>;
  readonly #running = new Set<ChildProcess>();

  private constructor(directory: string, members: readonly Member[], close: () => Promise<void>) {
    this.directory = directory;
    this.#members = members;
    this.#close = close;
  }

  static async open(count: number): Promise<Machines> {
    const { members, close } = await createNetwork(count);
    return new Machines(await mkdtemp(join(tmpdir(), 'gleipnir-machines-')), members, close);
  }

  /** Ends everything that still runs, and takes the network away. */
  async close(): Promise<void> {
    await this.stopAll();
    await this.#close();
    await rm(this.directory, { recursive: true });
  }

  /** Ctrl-C for everything that was started. */
  async stopAll(): Promise<void> {
    const children = [...this.#running];
    this.#running.clear();
    await Promise.all(children.map(interrupt));
  }

  member(index: number): Member {
    const found = this.#members[index];
    if (found === undefined) throw new Error(`there is no machine ${index}`);
    return found;
  }

  /** Runs a TypeScript file of this repository on a machine, in the test's own Node. @returns what it printed. */
  node(machine: Member, file: string, args: readonly string[]): Promise<string> {
    return machine.run(process.execPath, [join(root, file), ...args]);
  }

  /** Starts `npm start`. @returns what it printed, once it said that it is up. */
  async npmStart(machine: Member, env: Record<string, string>): Promise<string> {
    return output(this.#start(machine, 'npm', ['start', '--silent'], env), /Stop with Ctrl-C/);
  }

  /** Starts the appliance without npm. Resolves once it is up. */
  async startAppliance(machine: Member, env: Record<string, string>): Promise<ChildProcess> {
    const child = this.#start(machine, process.execPath, [join(root, 'appliance/main.ts')], env);
    await output(child, /Stop with Ctrl-C/);
    return child;
  }

  /** Starts a simulated host. Resolves once it is up; PINs are written to its standard input. */
  async startHost(machine: Member, env: Record<string, string> = {}): Promise<ChildProcess> {
    const settings = { SIM_HOST_BIND_ADDRESS: machine.address, SIM_HOST_SESSIONS_MAX: '1', ...env };
    const child = this.#start(machine, process.execPath, [join(root, 'sim/host/main.ts')], settings);
    await output(child, /simulated host is up/);
    return child;
  }

  /** Reads the PIN that each of `hosts` waits for off the console, and types it there. */
  async typePinsAt(edge: Member, hosts: Readonly<Record<string, ChildProcess>>): Promise<void> {
    const pins = JSON.parse(
      await this.node(edge, 'test/support/pin-page.main.ts', [CONSOLE, 'read']),
    ) as Record<string, string>;
    for (const [name, host] of Object.entries(hosts)) host.stdin?.write(`${pins[name] ?? ''}\n`);
  }

  /** A person on one machine who plays through another; `name` has an identity of its own. */
  player(machine: Member, edge: Member, name: string): Player {
    const identity = ['--identity', join(this.directory, `${name}.json`), '--host', edge.address];
    const run = async (...args: string[]): Promise<Record<string, unknown>> =>
      JSON.parse(await this.node(machine, 'sim/client/main.ts', [...args, ...identity])) as Record<
        string,
        unknown
      >;
    return {
      list: () => run('list'),
      pair: async () => {
        const [paired] = await Promise.all([
          run('pair', '--pin', PIN),
          this.node(edge, 'test/support/pin-page.main.ts', [CONSOLE, 'type', PIN]),
        ]);
        if (paired['paired'] !== true) throw new Error(`not paired: ${JSON.stringify(paired)}`);
      },
      stream: async (seconds, ...args) =>
        (await run(
          ...['stream', '--seconds', String(seconds), '--input-every', '500', '--quit', ...args],
        )) as unknown as StreamReport,
    };
  }

  #start(machine: Member, command: string, args: string[], env: Record<string, string>): ChildProcess {
    const child = machine.spawn(command, args, { LOG_LEVEL: 'warn', ...env });
    this.#running.add(child);
    return child;
  }
}

export interface Player {
  list: () => Promise<Record<string, unknown>>;
  /** Pairs, and types the PIN at the console. */
  pair: () => Promise<void>;
  /** Plays for so long, then quits; more options as of `npm run client`. */
  stream: (seconds: number, ...args: string[]) => Promise<StreamReport>;
}

/** What a child says until `wanted` is in it. */
function output(child: ChildProcess, wanted: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        text += chunk.toString();
        if (wanted.test(text)) resolve(text);
      });
    }
    child.once('exit', () => {
      reject(new Error(`ended before ${wanted.source}:\n${text}`));
    });
  });
}
