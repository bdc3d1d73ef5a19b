/** Which programs this machine has. */
import { execFileSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Where administrators' programs are, whatever the caller's PATH says. */
const FOLDERS = ['/usr/sbin', '/sbin', '/usr/local/sbin'];

/** @returns the path of an installed program, `undefined` where there is none. */
export function findProgram(name: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), ...FOLDERS];
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

/** For `Candidate.whyNot`. */
export function whyNotInstalled(name: string): string | undefined {
  return findProgram(name) === undefined ? 'not installed' : undefined;
}

/** Runs a program inside a network namespace to its end. @returns its output. @throws Error when it fails */
export function runInside(namespace: string, command: readonly string[], input = ''): string {
  return execFileSync('ip', ['netns', 'exec', namespace, ...command], { input, encoding: 'utf8' });
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
