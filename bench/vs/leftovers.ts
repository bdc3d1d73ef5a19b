/** Names of what one run makes on the machine, and how to tell which were left by one that is gone. */

const PREFIX = 'gleipnir-bench-';

/** @param suffix - lower-case letters and digits */
export function nameOf(suffix: string): string {
  return `${PREFIX}${process.pid}-${suffix}`;
}

/** Whether a run of the bench that has ended made this. */
export function isLeftOver(name: string): boolean {
  const pid = /^gleipnir-bench-(\d+)-/.exec(name)?.[1];
  return pid !== undefined && !isAlive(Number(pid));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
