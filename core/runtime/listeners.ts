/** Who wants to be told of something, in the order in which they asked. One that throws disturbs neither the others nor the teller. */
export class Listeners<T> {
  /** Those of the parts of this process, and of requests that wait for something; each takes itself off. */
  readonly #listeners = new Set<(value: T) => void>();
  readonly #onError: (error: unknown) => void;

  /** @param onError told what a listener threw. Default: a process warning. */
  constructor(onError: (error: unknown) => void = warn) {
    this.#onError = onError;
  }

  /** Each call counts for itself, also with the same `listener`. @returns how to stop. */
  add(listener: (value: T) => void): () => void {
    const own = (value: T): void => {
      listener(value);
    };
    this.#listeners.add(own);
    return () => {
      this.#listeners.delete(own);
    };
  }

  /** Tells all who listen now; one that is taken off meanwhile hears nothing more. */
  tell(value: T): void {
    for (const listener of [...this.#listeners]) {
      if (!this.#listeners.has(listener)) continue;
      try {
        listener(value);
      } catch (error) {
        this.#onError(error);
      }
    }
  }
}

function warn(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : String(error), 'ListenerWarning');
}
