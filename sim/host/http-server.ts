/**
 * TCP and TLS of the simulated host's HTTP. TLS takes any client certificate, as all of Moonlight's have one
 * subject and serial; who it is, the routes ask by its bytes.
 */
import { constants } from 'node:crypto';
import {
  createServer as createHttpServer,
  STATUS_CODES,
  type IncomingMessage,
  type Server as HttpServer,
  type ServerResponse,
} from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import { createSecureContext, TLSSocket, type SecureContext } from 'node:tls';
import { fingerprintOf, type Certificate } from '../../core/identity/certificate.ts';
import { canonicalAddress } from '../../core/runtime/address.ts';
import type { Logger } from '../../core/runtime/log.ts';
import type { WolfHabits } from './habits.ts';
import type { HttpRoutes } from './http-routes.ts';
import type { HttpAnswer, HttpQuery } from './http-types.ts';
import { closeServer, listen, type ListenAddress } from './listen.ts';

const CONNECTIONS_MAX = 256;
const HANDSHAKE_TIMEOUT_MS = 10_000;
const BASE = 'http://host';

export interface HttpServerDeps extends ListenAddress {
  /** With it: HTTPS. */
  identity?: Certificate;
  habits: WolfHabits;
  routes: HttpRoutes;
  log: Logger;
}

/** One listener, from `start` to `stop`. */
export class MoonlightHttpServer {
  readonly #deps: HttpServerDeps;
  readonly #server: Server;
  readonly #http: HttpServer;
  /** At most CONNECTIONS_MAX. */
  readonly #sockets = new Set<Socket>();

  constructor(deps: HttpServerDeps) {
    const { identity, habits } = deps;
    this.#deps = deps;
    this.#http = createHttpServer((request, response) => {
      void this.#serve(request, response);
    });
    const context = identity === undefined ? undefined : makeContext(identity, habits);
    this.#server = createServer((socket) => {
      this.#accept(socket, context);
    });
    this.#server.maxConnections = CONNECTIONS_MAX;
  }

  /** @returns the port that was bound. @throws GleipnirError PORT_UNAVAILABLE */
  start(): Promise<number> {
    return listen(this.#server, this.#deps);
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#http.closeAllConnections();
    await closeServer(this.#server);
  }

  #accept(socket: Socket, context: SecureContext | undefined): void {
    this.#sockets.add(socket);
    socket.on('close', () => {
      this.#sockets.delete(socket);
    });
    // A client that went away; 'close' follows.
    socket.on('error', () => undefined);
    this.#http.emit('connection', context === undefined ? socket : this.#secure(socket, context));
  }

  #secure(socket: Socket, secureContext: SecureContext): TLSSocket {
    const secure = new TLSSocket(socket, {
      isServer: true,
      secureContext,
      requestCert: true,
      rejectUnauthorized: false,
    });
    const timer = setTimeout(() => socket.destroy(), HANDSHAKE_TIMEOUT_MS);
    const disarm = (): void => {
      clearTimeout(timer);
    };
    secure.once('secure', disarm);
    socket.once('close', disarm);
    secure.on('error', (error) => {
      this.#deps.log.debug({ err: error }, 'tls connection failed');
      socket.destroy();
    });
    return secure;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { socket } = request;
    const url = URL.parse(request.url ?? '/', BASE);
    const gone = new AbortController();
    response.on('close', () => {
      gone.abort();
    });
    if (request.method !== 'GET' || url === null) {
      response.writeHead(400).end();
      return;
    }
    const query: HttpQuery = Object.fromEntries(url.searchParams);
    const answer = await this.#deps.routes.answer({
      path: url.pathname,
      query,
      isSecure: socket instanceof TLSSocket,
      fingerprint: peerFingerprint(socket),
      clientAddress: canonicalAddress(socket.remoteAddress ?? ''),
      localAddress: canonicalAddress(socket.localAddress ?? ''),
      signal: gone.signal,
    });
    this.#deps.log.debug({ path: url.pathname, status: answer.status }, 'http request');
    this.#send(response, answer);
  }

  #send(response: ServerResponse, answer: HttpAnswer): void {
    const { status, type, body, secondResponse } = answer;
    const contentLength = Buffer.byteLength(body);
    if (!this.#deps.habits.closeWithoutNotice && secondResponse === undefined) {
      response.writeHead(status, { 'Content-Type': type, 'Content-Length': contentLength }).end(body);
      return;
    }
    // Past node's HTTP, which would announce the end of the connection.
    const head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nContent-Length: ${contentLength}\r\n\r\n`;
    response.socket?.end(
      Buffer.concat([Buffer.from(head), Buffer.from(body), Buffer.from(secondResponse ?? '')]),
    );
  }
}

/**
 * Without session id context, OpenSSL refuses to resume a session of a client with certificate: Wolf's fault.
 * Otherwise there is nothing to resume.
 */
function makeContext(identity: Certificate, habits: WolfHabits): SecureContext {
  const context = { cert: identity.certificatePem, key: identity.privateKeyPem };
  if (habits.failTlsResumption) return createSecureContext(context);
  return createSecureContext({
    ...context,
    sessionIdContext: 'gleipnir-sim-host',
    secureOptions: constants.SSL_OP_NO_TICKET,
  });
}

function peerFingerprint(socket: Socket): string | undefined {
  const certificate = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined;
  return certificate === undefined ? undefined : fingerprintOf(certificate.raw);
}
