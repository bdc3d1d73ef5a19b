/** Writes of one name, one after another in the order in which they were asked for; those of different names at once. */

export class WriteQueue {
  /** The last write of each name that has one under way. */
  readonly #last = new Map<string, Promise<unknown>>();

  /** Runs `write` after the writes of this name that were asked for before, however they ended. */
  run<T>(name: string, write: () => Promise<T>): Promise<T> {
    const before = this.#last.get(name) ?? Promise.resolve();
    const mine = before.then(write, write);
    this.#last.set(name, mine);
    const forget = (): void => {
      if (this.#last.get(name) === mine) this.#last.delete(name);
    };
    mine.then(forget, forget);
    return mine;
  }
}
