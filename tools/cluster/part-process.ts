/**
 * A part as a child process, kept as Kubernetes keeps a pod: one that ends by itself is started again. What it writes
 * is handed on line by line.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';

/** A part that ended by itself is started again so much later. */
const RESTART_MS = 1_000;
/** How long a part may take to end when it is asked to, before it is killed. */
const END_MS_MAX = 10_000;
const LOOK_MS = 50;
const READY_MS_MAX = 60_000;

export interface PartSpec {
  name: string;
  /** A program and its arguments. */
  command: readonly [string, ...string[]];
  /** Besides what it inherits. */
  env?: Readonly<Record<string, string>>;
  isReady: () => Promise<boolean>;
  /** Gets each line that it writes, and what happens to it. */
  onLine: (name: string, line: string) => void;
}

/** What every part inherits of our own environment. */
const INHERITED = ['PATH', 'HOME', 'TMPDIR', 'NODE_OPTIONS'];

export class PartProcess {
  readonly name: string;
  readonly #spec: PartSpec;
  #child: ChildProcess | undefined;
  #isWanted = false;
  #restart: NodeJS.Timeout | undefined;

  constructor(spec: PartSpec) {
    this.name = spec.name;
    this.#spec = spec;
  }

  /** Of the process that runs; `undefined` while none does. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Runs it from now on. */
  start(): void {
    this.#isWanted = true;
    if (this.#child !== undefined) return;
    clearTimeout(this.#restart);
    const { name, onLine } = this.#spec;
    const [program, ...args] = this.#spec.command;
    const child = spawn(program, args, {
      env: this.#environment(),
      // Ctrl-C reaches us alone; the channel closes with us, however we end, and our programs then end by themselves.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.#child = child;
    if (child.pid !== undefined) onLine(name, `is started, process ${child.pid}`);
    for (const input of [child.stdout, child.stderr]) {
      if (input === null) continue;
      createInterface({ input }).on('line', (line) => {
        onLine(name, line);
      });
    }
    child.on('error', (error) => {
      onLine(name, `cannot be started: ${error.message}`);
    });
    child.on('close', (code, signal) => {
      this.#child = undefined;
      if (!this.#isWanted) return;
      onLine(name, `has ended (${signal ?? `exit code ${code ?? 'unknown'}`}) and is started again`);
      this.#restart = setTimeout(() => {
        this.start();
      }, RESTART_MS);
    });
  }

  /** Resolves when it is ready. @throws Error when it is not for a minute. */
  async ready(): Promise<void> {
    const until = performance.now() + READY_MS_MAX;
    while (!(await this.#spec.isReady())) {
      if (performance.now() > until) throw new Error(`${this.name} does not get ready`);
      await delay(LOOK_MS);
    }
  }

  /** Ends it without a word, as `kill -9` does; it is started again. Resolves when it is gone. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** Stops it as it stands: its connections stay open and nothing answers. */
  pause(): void {
    this.#child?.kill('SIGSTOP');
  }

  resume(): void {
    this.#child?.kill('SIGCONT');
  }

  /** Ends it, in order unless told otherwise, and leaves it ended. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    this.#isWanted = false;
    clearTimeout(this.#restart);
    await this.#end(signal);
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child?.pid === undefined) return;
    const gone = once(child, 'close');
    child.kill(signal);
    // One that is stopped as it stands would not hear SIGTERM.
    child.kill('SIGCONT');
    const timer = setTimeout(() => child.kill('SIGKILL'), END_MS_MAX);
    await gone;
    clearTimeout(timer);
  }

  #environment(): NodeJS.ProcessEnv {
    const inherited = INHERITED.flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value] as const];
    });
    return { ...Object.fromEntries(inherited), ...this.#spec.env };
  }
}

/** Whether `url` answers that all is well. */
export async function answersWell(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(1_000) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}
