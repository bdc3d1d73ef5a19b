/** The history of an appliance, in local files; this process is the only writer. */
import { DAY_LIMITS, daysAround, newestFirst, oldestDay } from './day.ts';
import { DayFiles } from './day-files.ts';
import { HistoryEvent } from './event.ts';
import { HISTORY_DAYS, type AppendOutcome, type History } from './history.ts';

/** Days whose ids are in memory; an event and its double are less than a day apart. */
const REMEMBERED_MAX = 4;

export interface LocalHistoryDeps {
  directory: string;
  /** Milliseconds since the epoch. */
  now: () => number;
  limits?: Partial<typeof DAY_LIMITS>;
}

/** What is known of one file. */
interface Day {
  /** As many as fit into `dayBytesMax`. */
  readonly ids: Set<string>;
  bytes: number;
  strangerBytes: number;
  endsWhole: boolean;
}

/** Nothing is read or made before the first call. */
export function createLocalHistory(deps: LocalHistoryDeps): History {
  return new LocalHistory(deps);
}

class LocalHistory implements History {
  readonly #files: DayFiles;
  readonly #now: () => number;
  readonly #limits: typeof DAY_LIMITS;
  /** At most REMEMBERED_MAX, the one used longest ago first. */
  readonly #days = new Map<string, Day>();
  /** Appends go one after the other. Never rejects. */
  #last: Promise<unknown> = Promise.resolve();

  constructor({ directory, now, limits }: LocalHistoryDeps) {
    this.#files = new DayFiles(directory);
    this.#now = now;
    this.#limits = { ...DAY_LIMITS, ...limits };
  }

  readonly append = (event: HistoryEvent): Promise<AppendOutcome> => {
    const outcome = this.#last.then(() => this.#append(HistoryEvent.parse(event)));
    this.#last = outcome.catch(() => undefined);
    return outcome;
  };

  readonly read = (): AsyncIterable<HistoryEvent> => this.#read();

  async *#read(): AsyncGenerator<HistoryEvent> {
    const days = await this.#files.days();
    for (const day of days.reverse()) {
      if (day < oldestDay(this.#now())) return;
      const { events } = await this.#files.read(day);
      yield* newestFirst(events);
    }
  }

  async #append(event: HistoryEvent): Promise<AppendOutcome> {
    const [name, ...around] = daysAround(event);
    if (name < oldestDay(this.#now())) return 'dropped';
    for (const near of [...around, name]) {
      if ((await this.#dayOf(near)).ids.has(event.id)) return 'known';
    }
    const day = await this.#dayOf(name);
    if (day.bytes === 0) await this.#prune();
    const text = `${day.endsWhole ? '' : '\n'}${JSON.stringify(event)}\n`;
    const bytes = Buffer.byteLength(text);
    const strangerBytes = event.kind === 'pairingFailed' ? bytes : 0;
    const { dayBytesMax, strangerBytesMax } = this.#limits;
    if (day.bytes + bytes > dayBytesMax) return 'dropped';
    if (strangerBytes > 0 && day.strangerBytes + strangerBytes > strangerBytesMax) return 'dropped';
    try {
      await this.#files.append(name, text);
    } catch (error) {
      // Whatever part of it was written, the file is looked at anew.
      this.#days.delete(name);
      throw error;
    }
    day.ids.add(event.id);
    day.bytes += bytes;
    day.strangerBytes += strangerBytes;
    day.endsWhole = true;
    return 'stored';
  }

  async #dayOf(name: string): Promise<Day> {
    const day = this.#days.get(name) ?? (await this.#load(name));
    this.#days.delete(name);
    this.#days.set(name, day);
    for (const oldest of this.#days.keys()) {
      if (this.#days.size <= REMEMBERED_MAX) break;
      this.#days.delete(oldest);
    }
    return day;
  }

  async #load(name: string): Promise<Day> {
    const { events, bytes, endsWhole } = await this.#files.read(name);
    const strangers = events.filter(({ kind }) => kind === 'pairingFailed');
    return {
      ids: new Set(events.map(({ id }) => id)),
      bytes,
      strangerBytes: strangers.reduce((sum, event) => sum + Buffer.byteLength(JSON.stringify(event)) + 1, 0),
      endsWhole,
    };
  }

  /** Removes what is too old, and what a clock that went wrong left beyond the number of days. */
  async #prune(): Promise<void> {
    const days = await this.#files.days();
    const fresh = days.filter((day) => day >= oldestDay(this.#now()));
    const kept = new Set(fresh.slice(-HISTORY_DAYS));
    for (const day of days) if (!kept.has(day)) await this.#files.remove(day);
  }
}
