/** One at a time: tasks of the same key run in the order in which they came. */

/** A queue for each key. */
export class Turns {
  /** The last task of each key; gone when it is done. Each task belongs to an open request, which bounds them. */
  readonly #last = new Map<string, Promise<unknown>>();

  /** Runs `task` after the tasks of `key` that came before. @throws what `task` throws. */
  async run<T>(key: string, task: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key) ?? Promise.resolve();
    const mine = before.then(task, task);
    this.#last.set(key, mine);
    try {
      return await mine;
    } finally {
      if (this.#last.get(key) === mine) this.#last.delete(key);
    }
  }
}
