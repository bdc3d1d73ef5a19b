/**
 * One process per folder. The lock is a POSIX lock that SQLite takes on a file there (decision 8), so that the system
 * lets go of it when the process ends in whatever way; who has it is written beside, for people only.
 */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { GleipnirError } from './errors.ts';
import { makeFolder, readFileIfPresent, writeFileAtomic } from './files.ts';
import { workOnFile } from './system-errors.ts';

const LOCK_FILE = 'lock';
const HOLDER_FILE = 'lock.pid';
/** SQLite's code for a lock that another process has. */
const SQLITE_BUSY = 5;

/**
 * Holds the folder, which is made if it is not there, until `release` or the end of this process.
 *
 * @throws GleipnirError DATA_FOLDER_IN_USE, nothing written, when another process of this machine holds it; FILE_UNUSABLE
 */
export async function holdFolder(folder: string): Promise<{ release: () => void }> {
  await makeFolder(folder);
  const path = join(folder, LOCK_FILE);
  // SQLite says no more than "unable to open"; the system says why.
  await workOnFile(path, async () => (await open(path, 'a', 0o600)).close());
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  } catch (cause) {
    database.close();
    throw await refusal(folder, cause);
  }
  await writeFileAtomic(join(folder, HOLDER_FILE), `${process.pid}\n`);
  return {
    release: () => {
      database.close();
    },
  };
}

async function refusal(folder: string, cause: unknown): Promise<GleipnirError> {
  if ((cause as { errcode?: unknown }).errcode !== SQLITE_BUSY) {
    const reason = cause instanceof Error ? cause.message : 'unknown';
    return new GleipnirError(
      'FILE_UNUSABLE',
      'A file or folder cannot be used',
      { path: folder, reason },
      { cause },
    );
  }
  const pid = await findHolder(folder);
  return new GleipnirError('DATA_FOLDER_IN_USE', 'Another Gleipnir uses the data folder', {
    folder,
    ...(pid !== undefined && { pid }),
  });
}

/** Who holds the folder, as far as its holder has said; asked while it is held. */
async function findHolder(folder: string): Promise<number | undefined> {
  const pid = Number(await readFileIfPresent(join(folder, HOLDER_FILE)));
  return Number.isInteger(pid) && pid > 0 ? pid : undefined;
}
