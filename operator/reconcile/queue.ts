/**
 * A queue of keys: each key once at a time, different keys side by side, failures retried with growing delays.
 * What happened to a key is never queued, only that it should be looked at.
 */
import type { Logger } from '../../core/runtime/log.ts';
import type { Reconciler } from './types.ts';

const RETRY_MS = { first: 250, most: 30_000 } as const;

export interface ReconcileQueueDeps {
  reconciler: Reconciler;
  log: Logger;
  /** Keys worked on at once. */
  concurrencyMax: number;
}

interface Entry {
  /** Whether the key was added again while it was being worked on. */
  isDirty: boolean;
  isRunning: boolean;
  failures: number;
  timer: NodeJS.Timeout | undefined;
}

export class ReconcileQueue {
  readonly #deps: ReconcileQueueDeps;
  /** One entry per key that waits, runs or has a timer; bounded by the objects that exist. */
  readonly #entries = new Map<string, Entry>();
  /** Keys of `#entries` whose turn has not come. */
  readonly #waiting = new Set<string>();
  /** At most concurrencyMax. */
  readonly #running = new Set<Promise<void>>();
  #isStopped = false;

  constructor(deps: ReconcileQueueDeps) {
    this.#deps = deps;
  }

  /** Asks for a look at `key`, soon. Idempotent. */
  add(key: string): void {
    if (this.#isStopped) return;
    const entry = this.#entryOf(key);
    clearTimeout(entry.timer);
    entry.timer = undefined;
    if (entry.isRunning) entry.isDirty = true;
    else this.#waiting.add(key);
    this.#pump();
  }

  /** Takes no more work and waits for what is running. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#waiting.clear();
    for (const { timer } of this.#entries.values()) clearTimeout(timer);
    await Promise.all(this.#running);
  }

  #entryOf(key: string): Entry {
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      entry = { isDirty: false, isRunning: false, failures: 0, timer: undefined };
      this.#entries.set(key, entry);
    }
    return entry;
  }

  #pump(): void {
    for (const key of this.#waiting) {
      if (this.#running.size >= this.#deps.concurrencyMax) return;
      this.#waiting.delete(key);
      const work = this.#work(key).finally(() => {
        this.#running.delete(work);
        this.#pump();
      });
      this.#running.add(work);
    }
  }

  async #work(key: string): Promise<void> {
    const entry = this.#entryOf(key);
    entry.isRunning = true;
    let againAfterMs: number | undefined;
    try {
      const { requeueAfterMs } = await this.#deps.reconciler.reconcile(key);
      againAfterMs = requeueAfterMs;
      entry.failures = 0;
    } catch (err) {
      this.#deps.log.error({ key, err }, 'reconcile failed');
      againAfterMs = Math.min(RETRY_MS.first * 2 ** entry.failures, RETRY_MS.most);
      entry.failures += 1;
    }
    entry.isRunning = false;
    this.#schedule(key, entry, againAfterMs);
  }

  #schedule(key: string, entry: Entry, againAfterMs: number | undefined): void {
    if (this.#isStopped) return;
    if (entry.isDirty) {
      entry.isDirty = false;
      this.#waiting.add(key);
    } else if (againAfterMs === undefined) {
      this.#entries.delete(key);
    } else {
      entry.timer = setTimeout(() => {
        this.add(key);
      }, againAfterMs);
    }
  }
}
