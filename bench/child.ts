/**
 * Child processes that answer questions over node's own IPC channel. The bench runs generator, sink and each
 * forwarder in a process of its own, so that each one's CPU time can be told apart.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** A child that has not ended by itself after so long is killed. */
const STOP_MS_MAX = 3_000;

/** What a child can be asked, by name; one argument, an answer that survives JSON. */
type Commands<C> = { [K in keyof C]: (argument: never) => unknown };

/** A running child that serves the commands `C`. */
export interface Child<C extends Commands<C>> {
  /** Rejects with the child's own message when the command failed, or when the child ended. */
  ask: <K extends keyof C & string>(
    command: K,
    argument: Parameters<C[K]>[0],
  ) => Promise<Awaited<ReturnType<C[K]>>>;
  /** Ends the child and waits until it is gone. */
  stop: () => Promise<void>;
  /** Of the child's process. */
  readonly pid: number;
}

interface Question {
  id: number;
  command: string;
  argument: unknown;
}

type Answer = { id: number } & ({ value: unknown } | { error: string });

interface Waiting {
  resolve: (value: unknown) => void;
  reject: (reason: Error) => void;
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
export function startChild<C extends Commands<C>>(file: URL, options: ChildOptions = {}): Child<C> {
  const { args = [], execArgv = [], env = {}, prefix = [] } = options;
  const node = [process.execPath, ...process.execArgv, ...execArgv, fileURLToPath(file), ...args];
  const [command = process.execPath, ...rest] = [...prefix, ...node];
  const child = spawn(command, rest, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 2, 'ipc'],
  });
  const waiting = new Map<number, Waiting>();
  let lastId = 0;
  child.on('message', (answer: Answer) => {
    const question = waiting.get(answer.id);
    waiting.delete(answer.id);
    if ('error' in answer) question?.reject(new Error(answer.error));
    else question?.resolve(answer.value);
  });
  child.on('exit', () => {
    for (const { reject } of waiting.values()) reject(new Error('The child process ended'));
    waiting.clear();
  });
  return {
    ask: (command, argument) =>
      new Promise((resolve, reject) => {
        if (!child.connected) throw new Error('The child process ended');
        lastId += 1;
        waiting.set(lastId, { resolve: resolve as (value: unknown) => void, reject });
        child.send({ id: lastId, command, argument } satisfies Question, (error) => {
          if (error) reject(error);
        });
      }),
    stop: () => stopChild(child),
    pid: child.pid ?? 0,
  };
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (!child.connected) return;
  const gone = once(child, 'exit');
  const patience = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX);
  child.disconnect();
  await gone;
  clearTimeout(patience);
}

/** Answers the parent's questions in this process until the parent is gone. */
export function serve<C extends Commands<C>>(commands: C): void {
  const known = new Map(Object.entries(commands) as [string, (argument: unknown) => unknown][]);
  process.on('message', ({ id, command, argument }: Question) => {
    Promise.resolve()
      .then(() => known.get(command)?.(argument))
      .then(
        (value) => ({ id, value: value ?? null }),
        (error: unknown) => ({ id, error: error instanceof Error ? error.message : String(error) }),
      )
      .then((answer: Answer) => process.send?.(answer))
      .catch(() => process.exit(1));
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
