/** A program of this repository as a process: what it says, and how it ends. */
import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

export const root = join(import.meta.dirname, '../..');

/** Every port chosen by the system, nothing attached to the machine's own devices, JSON lines. */
const QUIET = {
  ...Object.fromEntries(
    ['HTTP', 'HTTPS', 'RTSP', 'CONTROL', 'VIDEO', 'AUDIO', 'WEB'].map((name) => [
      `APPLIANCE_${name}_PORT`,
      '0',
    ]),
  ),
  APPLIANCE_BIND_ADDRESS: '127.0.0.1',
  RELAY_DATAPATH: 'userspace',
};

export class Program {
  readonly child: ChildProcess;
  /** What it wrote to standard output and standard error. */
  text = '';
  readonly #ended: Promise<unknown>;

  constructor(command: readonly [string, ...string[]], options: SpawnOptions = {}) {
    const [program, ...args] = command;
    const env = { ...process.env, ...QUIET, ...options.env };
    this.child = spawn(program, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], ...options, env });
    this.#ended = once(this.child, 'close');
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.text += chunk.toString();
        this.child.emit('said');
      });
    }
  }

  /** Resolves once it said it; rejects when it ended before. */
  async says(wanted: RegExp): Promise<string> {
    const gone = this.#ended.then(() => {
      throw new Error(`ended before ${wanted.source}:\n${this.text}`);
    });
    while (!wanted.test(this.text)) await Promise.race([once(this.child, 'said'), gone]);
    gone.catch(() => undefined);
    return this.text;
  }

  /** Waits for its end. @returns its exit code; `null` when a signal ended it. */
  async end(signal?: NodeJS.Signals): Promise<number | null> {
    if (signal !== undefined) this.child.kill(signal);
    await this.#ended;
    return this.child.exitCode;
  }
}

/** Runs a file of this repository in the test's own Node. */
export function runFile(file: string, env: NodeJS.ProcessEnv = {}, options: SpawnOptions = {}): Program {
  return new Program([process.execPath, join(root, file)], { ...options, env });
}
