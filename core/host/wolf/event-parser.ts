/**
 * Server-sent events, incrementally: chunks of bytes in, whole events out (HTML standard, "Server-sent events").
 * Wolf writes from many threads without a lock, so what comes may be garbled: an event that makes no sense, or is
 * too long, is dropped, and the next blank line begins anew. Never throws.
 */

export interface ServerSentEvent {
  /** Of the `event` field; empty where there is none. */
  name: string;
  /** The `data` lines, joined by a line feed. */
  data: string;
}

/** Sixteen times the largest event that was recorded. */
const EVENT_MAX_CHARACTERS = 32 * 1024;

/** Holds at most `eventMaxCharacters` of an event that is not complete. */
export class EventStreamParser {
  readonly #decoder = new TextDecoder();
  readonly #maxCharacters: number;
  /** The line whose end has not come. */
  #line = '';
  #name = '';
  #data: string[] = [];
  #characters = 0;
  /** Until the next blank line. */
  #isSkipping = false;

  constructor(eventMaxCharacters = EVENT_MAX_CHARACTERS) {
    this.#maxCharacters = eventMaxCharacters;
  }

  /** @returns the events that this chunk completed, in order. */
  push(chunk: Uint8Array): ServerSentEvent[] {
    const events: ServerSentEvent[] = [];
    const lines = (this.#line + this.#decoder.decode(chunk, { stream: true })).split('\n');
    this.#line = lines.pop() ?? '';
    for (const line of lines) {
      const event = this.#take(line.endsWith('\r') ? line.slice(0, -1) : line);
      if (event !== undefined) events.push(event);
    }
    if (this.#line.length > this.#maxCharacters) {
      this.#isSkipping = true;
      this.#line = '';
    }
    return events;
  }

  #take(line: string): ServerSentEvent | undefined {
    if (line === '') return this.#complete();
    this.#characters += line.length;
    if (this.#characters > this.#maxCharacters) this.#isSkipping = true;
    if (this.#isSkipping) this.#data = [];
    else this.#field(line);
    return undefined;
  }

  #field(line: string): void {
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'event') this.#name = value;
    if (field === 'data') this.#data.push(value);
  }

  #complete(): ServerSentEvent | undefined {
    const isWhole = !this.#isSkipping && this.#data.length > 0;
    const event = isWhole ? { name: this.#name, data: this.#data.join('\n') } : undefined;
    this.#isSkipping = false;
    this.#name = '';
    this.#data = [];
    this.#characters = 0;
    return event;
  }
}
