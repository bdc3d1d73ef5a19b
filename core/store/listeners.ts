/** Who wants to be told of changes. One that throws disturbs neither the others nor the teller. */

type Listener<E> = (event: E) => void;

export class Listeners<E> {
  readonly #onError: (error: unknown) => void;
  /** Bounded by who asks, once at start each. */
  readonly #listeners = new Set<Listener<E>>();

  /** @param onError told what a listener threw. Default: a process warning. */
  constructor(onError: (error: unknown) => void = warn) {
    this.#onError = onError;
  }

  /** @returns how to stop; the same function may be added twice and is then told twice. */
  add(listener: Listener<E>): () => void {
    const own: Listener<E> = (event) => {
      listener(event);
    };
    this.#listeners.add(own);
    return () => {
      this.#listeners.delete(own);
    };
  }

  tell(event: E): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(event);
      } catch (error) {
        this.#onError(error);
      }
    }
  }
}

function warn(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : String(error), 'ObjectStoreWarning');
}
