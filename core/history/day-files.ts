/**
 * Days of history as files, `<directory>/<YYYY-MM-DD>.jsonl`: one event a line, appended and flushed. A crash at any byte
 * costs at most the line that was being written, which readers skip and the next append begins a new line after.
 */
import { mkdir, open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readFileIfPresent } from '../runtime/files.ts';
import { parseEvents } from './day.ts';
import type { HistoryEvent } from './event.ts';

const NAME = /^(\d{4}-\d{2}-\d{2})\.jsonl$/;
const NEWLINE = 0x0a;

/** What a file held. */
export interface DayContent {
  /** In the order in which they came. */
  events: HistoryEvent[];
  /** Of the whole file. */
  bytes: number;
  /** Whether its last line is whole. */
  endsWhole: boolean;
}

export class DayFiles {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** The days that have a file, oldest first. */
  async days(): Promise<string[]> {
    const names = await readdir(this.#directory).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    });
    return names.flatMap((name) => NAME.exec(name)?.[1] ?? []).sort();
  }

  /** Empty where there is no file. Lines that are no event are left out. */
  async read(day: string): Promise<DayContent> {
    const content = await readFileIfPresent(this.#pathOf(day));
    if (content === undefined) return { events: [], bytes: 0, endsWhole: true };
    return {
      events: await parseEvents(content.toString().split('\n')),
      bytes: content.length,
      endsWhole: content.length === 0 || content.at(-1) === NEWLINE,
    };
  }

  /** Appends text, and waits until it survives a loss of power. Makes the folder if there is none. */
  async append(day: string, text: string): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const file = await open(this.#pathOf(day), 'a', 0o600);
    try {
      await file.appendFile(text);
      await file.datasync();
    } finally {
      await file.close();
    }
  }

  /** Idempotent. */
  async remove(day: string): Promise<void> {
    await rm(this.#pathOf(day), { force: true });
  }

  #pathOf(day: string): string {
    return join(this.#directory, `${day}.jsonl`);
  }
}
