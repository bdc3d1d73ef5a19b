/**
 * Wolf's events as they happen. Wolf keeps none back for whoever was away, so a consumer looks at Wolf's lists each
 * time the stream is (re)connected. Read at once and never paused: a reader that stalls makes Wolf write garbage.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '../../runtime/log.ts';
import { EventStreamParser } from './event-parser.ts';
import { parseWolfEvent, type WolfEvent } from './events.ts';
import { openRequest } from './http.ts';

const BACKOFF_MS = { first: 250, max: 10_000 } as const;
/** Wolf says something every 15 s. */
const SILENCE_MS = 40_000;
const STATUS_OK = 200;

export interface WolfEventStreamDeps {
  socketPath: string;
  /** Must be quick, and not throw. */
  onEvent: (event: WolfEvent) => void;
  /** From now on no event is missed until `onDisconnected`. */
  onConnected: () => void;
  /** Only after `onConnected`. */
  onDisconnected: () => void;
  log: Logger;
  /** 40 s: without a byte for so long, the connection is given up. */
  silenceMs?: number;
}

/** From `start` to `stop`, for ever reconnecting. */
export class WolfEventStream {
  readonly #deps: WolfEventStreamDeps;
  readonly #stopping = new AbortController();
  #loop: Promise<void> | undefined;

  constructor(deps: WolfEventStreamDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.#loop ??= this.#keepReading();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#loop;
  }

  async #keepReading(): Promise<void> {
    const { signal } = this.#stopping;
    let backoffMs: number = BACKOFF_MS.first;
    while (!signal.aborted) {
      const wasConnected = await this.#read();
      backoffMs = wasConnected ? BACKOFF_MS.first : Math.min(backoffMs * 2, BACKOFF_MS.max);
      await delay(backoffMs, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  /** One connection, to its end. @returns whether it was one. */
  #read(): Promise<boolean> {
    const { socketPath, onConnected, onDisconnected, log, silenceMs = SILENCE_MS } = this.#deps;
    const { signal } = this.#stopping;
    return new Promise((resolve) => {
      let isConnected = false;
      const request = openRequest({ socketPath, method: 'GET', path: '/events' });
      const abort = (): void => {
        request.destroy();
      };
      signal.addEventListener('abort', abort, { once: true });
      request.setTimeout(silenceMs, abort);
      // 'close' follows.
      request.on('error', () => undefined);
      request.on('response', (incoming) => {
        if (incoming.statusCode !== STATUS_OK) {
          abort();
          return;
        }
        isConnected = true;
        log.debug('event stream is connected');
        onConnected();
        const parser = new EventStreamParser();
        incoming.on('data', (chunk: Buffer) => {
          this.#deliver(parser, chunk);
        });
        incoming.on('error', () => undefined);
      });
      request.on('close', () => {
        signal.removeEventListener('abort', abort);
        if (isConnected) {
          log.debug('event stream ended');
          onDisconnected();
        }
        resolve(isConnected);
      });
      request.end();
    });
  }

  #deliver(parser: EventStreamParser, chunk: Buffer): void {
    for (const sent of parser.push(chunk)) {
      const event = parseWolfEvent(sent);
      if (event !== undefined) this.#deps.onEvent(event);
    }
  }
}
