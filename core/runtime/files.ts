/** Files that survive a crash at any byte: written beside, flushed, renamed over. */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { workOnFile } from './system-errors.ts';

/**
 * Replaces `path` by `content` in one step; readers see the old or the new bytes, never a mixture. Mode 0600.
 *
 * @throws GleipnirError FILE_UNUSABLE
 */
export function writeFileAtomic(path: string, content: string | Uint8Array): Promise<void> {
  return workOnFile(path, async () => {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const temporary = `${path}.${randomUUID()}.tmp`;
    try {
      await writeFlushed(temporary, content);
      await rename(temporary, path);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
    const directory = await open(dirname(path), 'r');
    await directory.sync().finally(() => directory.close());
  });
}

async function writeFlushed(path: string, content: string | Uint8Array): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** The bytes of `path`, or `undefined` where no such file is. @throws GleipnirError FILE_UNUSABLE */
export function readFileIfPresent(path: string): Promise<Buffer | undefined> {
  return workOnFile(path, async () => {
    try {
      return await readFile(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  });
}

/** Makes the folder, readable by its owner only, unless it is there. @throws GleipnirError FILE_UNUSABLE */
export async function makeFolder(path: string): Promise<void> {
  await workOnFile(path, () => makeFolders(path));
}

/** Not mkdir's own `recursive`: it never ends where a folder is there that takes no folders, such as /proc. */
async function makeFolders(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && (await stat(path)).isDirectory()) return;
    const parent = dirname(path);
    if (code !== 'ENOENT' || existsSync(parent)) throw error;
    await makeFolders(parent);
    await makeFolders(path);
  }
}
