/** Stops a process as SIGSTOP does, and knows when it has: the signal reaches each thread in its own time. */
import type { ChildProcess } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

const LOOK_EVERY_MS = 5;

/** Resolves when no thread of it runs any more, or it has ended. SIGCONT lets it go on. */
export async function holdStill(child: ChildProcess): Promise<void> {
  child.kill('SIGSTOP');
  while (child.exitCode === null && child.signalCode === null && !(await isStill(child.pid ?? 0))) {
    await delay(LOOK_EVERY_MS);
  }
}

async function isStill(pid: number): Promise<boolean> {
  const tasks = `/proc/${pid}/task`;
  const threads = await readdir(tasks).catch(() => []);
  const lines = await Promise.all(
    threads.map((thread) => readFile(`${tasks}/${thread}/stat`, 'utf8').catch(() => '')),
  );
  return threads.length > 0 && lines.every((line) => /\) [TtXZ] /.test(line));
}
