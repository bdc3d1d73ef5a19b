/**
 * What the system says no with, in words for the person who set things up. Every failure of a file, folder or port
 * becomes a `GleipnirError` here; `describeFailure` makes the sentence of it.
 */
import { GleipnirError } from './errors.ts';

/** What is wrong with a file or folder, and what to do, by the system's code. */
const FILE_PROBLEMS: Readonly<Record<string, string>> = {
  EACCES: 'this user may not use it: give it to the user that runs Gleipnir (chown, chmod)',
  EPERM: 'this user may not use it: give it to the user that runs Gleipnir (chown, chmod)',
  EROFS: 'it is on a file system that is mounted read-only: mount it writable, or choose another place',
  ENOSPC: 'the disk is full: make room there',
  EDQUOT: 'the quota of this user is used up: make room there',
  ENOENT: 'it is not there and cannot be made: make the folder, or correct the path',
  ENOTDIR: 'a part of this path is a file where a folder is needed: correct the path, or move the file away',
  EEXIST: 'there is a file where a folder is needed: correct the path, or move the file away',
  EISDIR: 'it is a folder where a file is needed: correct the path, or move the folder away',
  ELOOP: 'its symbolic links go round in a circle: correct them',
  ENAMETOOLONG: 'the path is too long for this system: choose a shorter one',
  EMFILE: 'this process may open no more files: raise its limit (ulimit -n)',
  ENFILE: 'this machine may open no more files: end other programs, or raise fs.file-max',
  EIO: 'the disk fails: look at the system log',
  EBUSY: 'something else uses it: end that program',
};

/** Whether the operating system made this error. */
export function isSystemError(error: unknown): error is NodeJS.ErrnoException & { code: string } {
  return (
    error instanceof Error && 'syscall' in error && typeof (error as { code?: unknown }).code === 'string'
  );
}

/** What the system's code means for a file or folder, in words. */
export function describeFileProblem(code: string): string {
  return FILE_PROBLEMS[code] ?? 'the system refuses it';
}

/**
 * Awaits work on a file or folder.
 *
 * @param path what a person is told, whatever temporary file the work failed at.
 * @throws GleipnirError FILE_UNUSABLE with `details` path and reason (the system's code); other errors as they are.
 */
export async function workOnFile<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!isSystemError(cause)) throw cause;
    throw new GleipnirError(
      'FILE_UNUSABLE',
      'A file or folder cannot be used',
      { path, reason: cause.code },
      { cause },
    );
  }
}

/** Which port could not be bound. */
export interface PortFacts {
  protocol: 'TCP' | 'UDP';
  /** What listens there: the middle word of the setting, as `HTTP` of `APPLIANCE_HTTP_PORT`. */
  listener: string;
  address: string;
  port: number;
}

/** The failure to bind a port: `details` hold the facts and the reason (the system's code). */
export function portUnavailable(facts: PortFacts, cause: unknown): GleipnirError {
  const reason = isSystemError(cause) ? cause.code : 'unknown';
  const message = `A ${facts.protocol} port cannot be bound`;
  return new GleipnirError('PORT_UNAVAILABLE', message, { ...facts, reason }, { cause });
}
