/**
 * A group of processes in one network namespace, whose CPU time is counted together and which end together. Third-party programs
 * and Node processes alike; their workers belong to the group as well.
 */
import { spawn } from 'node:child_process';
import { startChild, type Child } from '../child.ts';
import { createCgroup } from './cgroup.ts';
import { nameOf } from './leftovers.ts';

/** The file to write to is the shell's `$0`: a process joins before it becomes what it is to be, with all its workers. */
const JOIN = ['sh', '-c', 'echo $$ > "$0" && exec "$@"'];
const REMOVE_TRIES = 100;
const REMOVE_PAUSE_MS = 20;

type Commands = Parameters<typeof startChild>[1];

/** Processes that belong together. */
export interface Group {
  /** Starts a Node process of the bench inside. */
  start: <C extends Record<string, (argument: never) => unknown>>(
    namespace: string,
    file: URL,
    args: readonly string[],
  ) => Child<C>;
  /** Starts a program inside; what it prints is lost. */
  spawn: (namespace: string, command: readonly string[]) => void;
  /** CPU time of all of them so far, µs; `NaN` where the machine does not tell. */
  readUs: () => number;
  /** CPU time of the whole machine so far, µs; `NaN` where it does not tell. */
  readMachineUs: () => number;
  /** Kills what still runs. Idempotent; synchronous, so that it can run as the process ends. */
  end: () => void;
}

/** @param suffix - names the group among those of this run */
export function createGroup(suffix: string): Group {
  const cgroup = createCgroup(nameOf(suffix));
  /** Of the programs; processes of the bench end by themselves when this one does. */
  const pids = new Set<number>();
  let isEnded = false;
  const prefixIn = (namespace: string): string[] => {
    const inside = ['ip', 'netns', 'exec', namespace];
    return cgroup === undefined ? inside : [...JOIN, cgroup.procs, ...inside];
  };
  return {
    start: <C extends Record<string, (argument: never) => unknown>>(
      namespace: string,
      file: URL,
      args: readonly string[],
    ) => {
      const options: Commands = { args, prefix: prefixIn(namespace) };
      return startChild<C>(file, options);
    },
    spawn: (namespace, command) => {
      const [program = '', ...args] = [...prefixIn(namespace), ...command];
      const child = spawn(program, args, { stdio: 'ignore' });
      const { pid } = child;
      if (pid === undefined) return;
      pids.add(pid);
      child.once('exit', () => pids.delete(pid));
      child.unref();
    },
    readUs: () => cgroup?.readUs() ?? NaN,
    readMachineUs: () => cgroup?.readMachineUs() ?? NaN,
    end: () => {
      if (isEnded) return;
      isEnded = true;
      for (const pid of cgroup?.pids() ?? pids) kill(pid);
      pids.clear();
      for (let attempt = 0; attempt < REMOVE_TRIES && cgroup?.remove() === false; attempt += 1) {
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, REMOVE_PAUSE_MS);
      }
    },
  };
}

/** It may have ended meanwhile. */
function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    return;
  }
}
