/**
 * The API socket of Wolf on the simulated host: HTTP as Wolf speaks it (one request per connection, bodies with
 * Content-Length only, connections that stay open behind a complete reply) and the event stream.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { closeServer, listenOnPath } from './listen.ts';
import type { SimClock } from './clock.ts';
import { answerWolfApi, type WolfApiDeps, type WolfApiReply } from './wolf-api-routes.ts';

const KEEPALIVE_MS = 15_000;
const REQUEST_MAX_BYTES = 64 * 1024;
const CONNECTIONS_MAX = 64;
const BASE = '/api/v1';
const EVENT_STREAM_HEAD =
  'HTTP/1.0 200 OK\r\nContent-Type: text/event-stream\r\nConnection: keep-alive\r\nCache-Control: no-cache\r\n\r\n';

export interface WolfApiServerDeps extends WolfApiDeps {
  socketPath: string;
  clock: SimClock;
  /** Somebody sent what ends a real Wolf. */
  die: () => void;
}

/** From `start` to `stop`. */
export class WolfApi {
  readonly #deps: WolfApiServerDeps;
  readonly #server: Server;
  /** At most CONNECTIONS_MAX, as are those among them that read events. */
  readonly #sockets = new Set<Socket>();
  readonly #readers = new Set<Socket>();
  #cancelKeepalive: (() => void) | undefined;

  constructor(deps: WolfApiServerDeps) {
    this.#deps = deps;
    this.#server = createServer((socket) => {
      this.#accept(socket);
    });
    this.#server.maxConnections = CONNECTIONS_MAX;
  }

  /** @throws GleipnirError PORT_UNAVAILABLE */
  async start(): Promise<void> {
    await listenOnPath(this.#server, this.#deps.socketPath);
    this.#keepAlive();
  }

  async stop(): Promise<void> {
    this.#cancelKeepalive?.();
    for (const socket of this.#sockets) socket.destroy();
    await closeServer(this.#server);
  }

  /** Sends an event to everybody who listens. @param name without namespace. */
  emit(name: string, data: unknown): void {
    this.#send(`event: wolf::core::events::${name}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  #send(text: string): void {
    for (const reader of this.#readers) reader.write(text);
  }

  #keepAlive(): void {
    this.#cancelKeepalive = this.#deps.clock.after(KEEPALIVE_MS, () => {
      this.#send(':keepalive\n\n');
      this.#keepAlive();
    });
  }

  #accept(socket: Socket): void {
    let received = Buffer.alloc(0);
    this.#sockets.add(socket);
    socket.on('close', () => {
      this.#sockets.delete(socket);
      this.#readers.delete(socket);
    });
    // A client that went away; 'close' follows.
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (received.length > REQUEST_MAX_BYTES) socket.destroy();
      else if (this.#serve(socket, received.toString('latin1'))) received = Buffer.alloc(0);
    });
  }

  /** @returns whether the request was complete. */
  #serve(socket: Socket, text: string): boolean {
    const headEnd = text.indexOf('\r\n\r\n');
    if (headEnd < 0) return false;
    const head = text.slice(0, headEnd);
    const body = text.slice(headEnd + 4);
    const isChunked = /^transfer-encoding: *chunked/im.test(head);
    const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
    if (!isChunked && body.length < length) return false;
    const [method = '', target = ''] = head.split(' ', 2);
    const path = target.startsWith(BASE) ? target.slice(BASE.length) : target;
    if (method === 'GET' && path === '/events') {
      this.#readers.add(socket);
      socket.write(EVENT_STREAM_HEAD);
      return true;
    }
    const utf8 = Buffer.from(body.slice(0, length), 'latin1').toString('utf8');
    this.#reply(socket, answerWolfApi({ method, path, isChunked, body: utf8 }, this.#deps));
    return true;
  }

  /** Without an end: on a real Wolf a game may hold the connection open. */
  #reply(socket: Socket, reply: WolfApiReply): void {
    if (reply === 'dies') {
      this.#deps.die();
      return;
    }
    const { status, text } = reply;
    socket.write(`HTTP/1.0 ${status} OK\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
  }
}
