/**
 * Child processes that are asked over node's own IPC channel. The bench runs generator, sink and each forwarder in a
 * process of its own, so that each one's CPU time can be told apart.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createBirpc, type BirpcReturn } from 'birpc';

/** A child that has not ended by itself after so long is killed. */
const STOP_MS_MAX = 3_000;
const COLLECT_ROUNDS = 4;
const COLLECT_PAUSE_MS = 150;
/** What another process is to do is awaited so long. */
const PATIENCE_MS = 20_000;
const LOOK_AGAIN_MS = 50;

/** A running child that serves the commands `C`. */
export interface Child<C extends object> {
  /** Its commands. Each rejects with the child's own error when it failed, or when the child ended. */
  readonly ask: BirpcReturn<C>;
  /** Ends the child and waits until it is gone. */
  stop: () => Promise<void>;
  /** Of the child's process. */
  readonly pid: number;
}

/** How a child is started; all fields may be left out. */
export interface ChildOptions {
  args?: readonly string[];
  /** Options of node itself. */
  execArgv?: readonly string[];
  /** Added to the parent's environment. */
  env?: Readonly<Record<string, string>>;
  /** A command that becomes the one that follows it (`ip netns exec name`), and its arguments. */
  prefix?: readonly string[];
}

/** Starts `file`, a module that calls `serve`. It ends with this process. */
export function startChild<C extends object>(file: URL, options: ChildOptions = {}): Child<C> {
  const { args = [], execArgv = [], env = {}, prefix = [] } = options;
  const node = [process.execPath, ...process.execArgv, ...execArgv, fileURLToPath(file), ...args];
  const [command = process.execPath, ...rest] = [...prefix, ...node];
  const child = spawn(command, rest, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 2, 'ipc'],
    serialization: 'advanced',
  });
  const ask = createBirpc<C>(
    {},
    {
      post: (message: object) =>
        child.send(message, (error) => {
          if (error) ask.$close(error);
        }),
      on: (listen) => child.on('message', listen),
      timeout: -1,
    },
  );
  child.once('exit', () => {
    ask.$close(new Error('The child process ended'));
  });
  const stop = async (): Promise<void> => {
    if (!child.connected) return;
    const gone = once(child, 'exit');
    const patience = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX);
    child.disconnect();
    await gone;
    clearTimeout(patience);
  };
  return { ask, stop, pid: child.pid ?? 0 };
}

export function stopAll(children: readonly Pick<Child<object>, 'stop'>[]): Promise<unknown> {
  return Promise.all(children.map((child) => child.stop()));
}

/** Answers the parent's questions in this process until the parent is gone. */
export function serve(commands: object): void {
  createBirpc(commands, {
    post: (message) => process.send?.(message),
    on: (listen) => process.on('message', listen),
  });
  process.on('disconnect', () => process.exit(0));
}

/** CPU time of this process since it began, all threads, user and system, µs (getrusage). */
export function cpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** The machine's monotonic clock, ns: the same one in every process; exact to about 0.1 µs. */
export function nowNs(): number {
  return Number(process.hrtime.bigint());
}

const NS_PER_MS = 1e6;

/** One measurement's time, on that clock: sending from start to end; datagrams sent from `fromNs` on are measured. */
export type Window = Record<'startNs' | 'fromNs' | 'endNs', number>;

/** @param leadMs - from now to the first datagram: time for the processes to be ready */
export function openWindow(
  leadMs: number,
  { warmMs, measuredMs }: { warmMs: number; measuredMs: number },
): Window {
  const startNs = nowNs() + leadMs * NS_PER_MS;
  const fromNs = startNs + warmMs * NS_PER_MS;
  return { startNs, fromNs, endNs: fromNs + measuredMs * NS_PER_MS };
}

/** Looks until there is something. @throws Error with `complaint` when there never is */
export async function waitFor<T>(
  complaint: string,
  look: () => Promise<T | undefined> | T | undefined,
): Promise<T> {
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > until) throw new Error(complaint);
    await delay(LOOK_AGAIN_MS);
  }
}

/** By process.memoryUsage(). External is what objects of the heap own outside: buffers and sockets. */
export type Memory = Record<'rssBytes' | 'heapUsedBytes' | 'externalBytes', number>;

/** Collects all garbage, several times with pauses, since freed pages go back with a delay. Needs `--expose-gc`. */
export async function collect(): Promise<Memory> {
  for (let round = 0; round < COLLECT_ROUNDS; round += 1) {
    await globalThis.gc?.({ execution: 'async', type: 'major' });
    await delay(COLLECT_PAUSE_MS);
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rssBytes: rss, heapUsedBytes: heapUsed, externalBytes: external };
}
