/**
 * Rows of the session table as files, `<directory>/<kind>/<id>.json`. Each is replaced in one step, so that a crash
 * at any byte leaves the old row or the new one; what is read back is validated, since a disk may say anything.
 */
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { makeFolder, writeFileAtomic } from '../runtime/files.ts';
import { workOnFile } from '../runtime/system-errors.ts';
import { ROW_SCHEMAS, type RowKind, type RowOf } from './record.ts';

const FILE_SUFFIX = '.json';
const LEFTOVER_SUFFIX = '.tmp';
/** Sessions are told apart by 12 bits, so a folder never holds more rows than that for long. */
const ROWS_MAX = 8_192;
const ROW_BYTES_MAX = 256 * 1024;
/** Files read at once. */
const BATCH = 64;

/** What a folder held. */
export interface LoadedRows<K extends RowKind> {
  rows: RowOf[K][];
  /** Files that were no valid row of this kind, and what was wrong with each; they are gone now. */
  damaged: { file: string; problems: string }[];
}

export class RowFiles {
  readonly #directory: string;

  /** @param directory holds a folder for each kind. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /**
   * Reads every row of a kind. Makes the folder if there is none; removes damaged rows and interrupted writes.
   *
   * @throws GleipnirError FILE_UNUSABLE; what cannot be read may be sound, and stays.
   */
  async load<K extends RowKind>(kind: K): Promise<LoadedRows<K>> {
    const folder = join(this.#directory, kind);
    await makeFolder(folder);
    const loaded: LoadedRows<K> = { rows: [], damaged: [] };
    const names: string[] = [];
    for (const name of (await workOnFile(folder, () => readdir(folder))).sort()) {
      if (name.endsWith(LEFTOVER_SUFFIX)) await rm(join(folder, name), { force: true });
      else if (!name.endsWith(FILE_SUFFIX)) continue;
      else if (names.length < ROWS_MAX) names.push(name);
      else loaded.damaged.push({ file: join(folder, name), problems: 'too many rows' });
    }
    for (let start = 0; start < names.length; start += BATCH) {
      const batch = names.slice(start, start + BATCH).map((name) => loadRow(kind, folder, name));
      for (const row of await Promise.all(batch)) {
        if ('problems' in row) loaded.damaged.push(row);
        else loaded.rows.push(row.row);
      }
    }
    for (const { file } of loaded.damaged) await rm(file, { force: true });
    return loaded;
  }

  /** @param isDurable whether to wait until the row survives a loss of power too, not only the end of this process. */
  async write<K extends RowKind>(kind: K, row: RowOf[K], isDurable: boolean): Promise<void> {
    const path = this.#pathOf(kind, row.id);
    const content = JSON.stringify(row);
    if (isDurable) {
      await writeFileAtomic(path, content);
      return;
    }
    const temporary = path + LEFTOVER_SUFFIX;
    await writeFile(temporary, content, { mode: 0o600 });
    await rename(temporary, path);
  }

  /** Idempotent. */
  async remove(kind: RowKind, id: string): Promise<void> {
    await rm(this.#pathOf(kind, id), { force: true });
  }

  #pathOf(kind: RowKind, id: string): string {
    return join(this.#directory, kind, nameOf(id));
  }
}

function nameOf(id: string): string {
  return encodeURIComponent(id) + FILE_SUFFIX;
}

async function loadRow<K extends RowKind>(
  kind: K,
  folder: string,
  name: string,
): Promise<{ row: RowOf[K] } | { file: string; problems: string }> {
  const file = join(folder, name);
  const text = await workOnFile(file, () => readFile(file, 'utf8'));
  try {
    if (text.length > ROW_BYTES_MAX) return { file, problems: 'too large' };
    const schema = ROW_SCHEMAS[kind] as unknown as z.ZodType<RowOf[K]>;
    const parsed = schema.safeParse(JSON.parse(text));
    if (!parsed.success) return { file, problems: z.prettifyError(parsed.error) };
    if (nameOf(parsed.data.id) !== name) return { file, problems: 'the id is not the name of the file' };
    return { row: parsed.data };
  } catch (error) {
    return { file, problems: error instanceof Error ? error.message : 'not readable' };
  }
}
