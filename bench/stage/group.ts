/**
 * A group of processes in one network namespace, whose CPU time is counted together and which end together. Third-party programs
 * and Node processes alike; their workers belong to the group as well.
 */
import { spawn } from 'node:child_process';
import { startChild, type Child } from '../child.ts';
import { Cgroup } from './cpu-time.ts';
import { nameOf, signal } from './leftovers.ts';
import { inside } from './network.ts';

/** The file to write to is the shell's `$0`: a process joins before it becomes what it is to be, with all its workers. */
const JOIN = ['sh', '-c', 'echo $$ > "$0" && exec "$@"'];
const REMOVE_TRIES = 100;
const REMOVE_PAUSE_MS = 20;

export class Group {
  readonly #cgroup: Cgroup | undefined;
  /** What a command must begin with. */
  readonly #prefix: readonly string[];

  /** @param suffix - names the group among those of this run */
  constructor(suffix: string, namespace: string) {
    this.#cgroup = Cgroup.create(nameOf(suffix));
    const join = this.#cgroup === undefined ? [] : [...JOIN, this.#cgroup.procs];
    this.#prefix = [...join, ...inside(namespace)];
  }

  /** Starts a Node process of the bench inside. */
  start<C extends object>(file: URL, args: readonly string[] = []): Child<C> {
    return startChild<C>(file, { args, prefix: this.#prefix });
  }

  /** Starts a program inside, which ends with the group, or else with its namespace; what it prints is lost. */
  spawn(command: readonly string[]): void {
    const [program = '', ...args] = [...this.#prefix, ...command];
    spawn(program, args, { stdio: 'ignore' }).unref();
  }

  /** CPU time of all of them so far, µs; `NaN` where the machine does not tell. */
  readUs(): number {
    return this.#cgroup?.readUs() ?? NaN;
  }

  /** CPU time of the whole machine so far, µs; `NaN` where it does not tell. */
  readMachineUs(): number {
    return this.#cgroup?.readMachineUs() ?? NaN;
  }

  /** Kills what still runs. Idempotent; synchronous, so that it can run as the process ends. */
  end(): void {
    for (const pid of this.#cgroup?.pids() ?? []) signal(pid, 'SIGKILL');
    for (let attempt = 0; attempt < REMOVE_TRIES && this.#cgroup?.remove() === false; attempt += 1) {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, REMOVE_PAUSE_MS);
    }
  }
}
