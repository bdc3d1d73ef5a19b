/** Names of what one run makes on the machine, how it goes away, and how to tell what was left by a run that is gone. */

/** @param suffix - lower-case letters and digits */
export function nameOf(suffix: string): string {
  return `gleipnir-bench-${process.pid}-${suffix}`;
}

/** Whether a run of the bench that has ended made this. */
export function isLeftOver(name: string): boolean {
  const pid = /^gleipnir-bench-(\d+)-/.exec(name)?.[1];
  return pid !== undefined && !signal(Number(pid), 0);
}

/** @returns whether there is such a process. */
export function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}

/** Calls `close`, which must be synchronous and idempotent, however this process ends, short of SIGKILL. */
export function atExit(close: () => void): void {
  process.once('exit', close);
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(name, () => process.exit(1));
}
