/**
 * One Moonlight listener, HTTP or HTTPS: its limits against slow, large and many requests, and its TLS.
 *
 * TLS asks for the client's certificate and takes any: all Moonlight certificates share subject, issuer and serial,
 * so no chain can tell them apart. Who it is, is decided for each request from the exact certificate. Sessions are
 * never resumed, so that every connection shows its certificate.
 */
import { constants } from 'node:crypto';
import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { fingerprintOf } from '../../core/identity/certificate.ts';
import { canonicalAddress } from '../../core/runtime/address.ts';
import { ConnectionCount } from '../../core/runtime/connection-count.ts';
import type { Logger } from '../../core/runtime/log.ts';
import { portUnavailable } from '../../core/runtime/system-errors.ts';
import { SourceLimiter } from '../../core/runtime/token-bucket.ts';
import { createApp, type MoonlightServer } from './app.ts';
import type { HttpLimits, HttpLimitSettings } from './limits.ts';
import type { HttpRefusalReason } from './limits-metrics.ts';

/** How often connections are looked at for their time-outs. */
const CHECK_INTERVAL_MS = 2_000;

export interface ListenerOptions {
  bindAddress: string;
  /** 0 lets the system choose. */
  port: number;
  /** Makes it an HTTPS listener. */
  tls?: TlsOptions;
  limits: HttpLimits;
  log: Logger;
}

export interface TlsOptions {
  certificatePem: string;
  privateKeyPem: string;
  /** Whether the certificate with this SHA-256 (lower-case hex of its DER) is paired now: its source is known. */
  isPaired: (fingerprint: string) => boolean;
}

/** A listener that does not listen yet, so that routes can be registered on `app`. */
export interface Listener {
  app: MoonlightServer;
  /** @returns the bound port. @throws GleipnirError PORT_UNAVAILABLE */
  start: () => Promise<number>;
  /** Closes every connection at once. */
  stop: () => Promise<void>;
}

export function createListener({ bindAddress, port, tls, limits, log }: ListenerOptions): Listener {
  const door = new Door(limits);
  const requests = new SourceLimiter(limits.settings.requestRates);
  const app = createApp({
    log,
    refused: limits.refused,
    takeRequest: (address) => requests.take(address, limits.now(), () => limits.known.has(address)),
    createServer: (handler) => {
      const server =
        tls === undefined ? createPlainServer(limits, handler) : createTlsServer(tls, limits, handler);
      server.timeout = limits.settings.idleTimeoutMs;
      // On TLS too, this is the TCP connection, before its handshake.
      server.on('connection', (socket: Socket) => {
        door.enter(socket);
      });
      return server;
    },
  });

  return {
    app,
    start: async () => {
      const listener = tls === undefined ? 'HTTP' : 'HTTPS';
      const listenTextResolver = (address: string): string => `Moonlight ${listener} is at ${address}`;
      try {
        await app.listen({ host: bindAddress, port, listenTextResolver });
      } catch (cause) {
        throw portUnavailable({ protocol: 'TCP', listener, address: bindAddress, port }, cause);
      }
      return (app.server.address() as AddressInfo).port;
    },
    stop: async () => {
      const closed = app.close();
      door.closeAll();
      await closed;
    },
  };
}

function serverLimits({ headersMaxBytes, requestTimeoutMs, keepAliveTimeoutMs }: HttpLimitSettings): object {
  return {
    maxHeaderSize: headersMaxBytes,
    headersTimeout: requestTimeoutMs,
    requestTimeout: requestTimeoutMs,
    connectionsCheckingInterval: Math.min(CHECK_INTERVAL_MS, requestTimeoutMs),
    keepAliveTimeout: keepAliveTimeoutMs,
  };
}

function createPlainServer({ settings }: HttpLimits, handler: RequestListener): Server {
  return createHttpServer(serverLimits(settings), handler);
}

function createTlsServer(
  { certificatePem, privateKeyPem, isPaired }: TlsOptions,
  { settings, known }: HttpLimits,
  handler: RequestListener,
): ReturnType<typeof createHttpsServer> {
  const options = {
    ...serverLimits(settings),
    cert: certificatePem,
    key: privateKeyPem,
    requestCert: true,
    rejectUnauthorized: false,
    minVersion: 'TLSv1.2',
    secureOptions: constants.SSL_OP_NO_TICKET,
    handshakeTimeout: settings.requestTimeoutMs,
  } as const;
  const server = createHttpsServer(options, handler);
  server.on('secureConnection', (socket: TLSSocket) => {
    const certificate = socket.getPeerX509Certificate();
    const fingerprint = certificate && fingerprintOf(certificate.raw);
    if (fingerprint !== undefined && isPaired(fingerprint))
      known.add(canonicalAddress(socket.remoteAddress ?? ''));
  });
  return server;
}

/** Lets connections in, and knows which are open. */
class Door {
  readonly #limits: HttpLimits;
  readonly #count: ConnectionCount;
  readonly #rate: SourceLimiter;
  /** At most `connections.max`, as the count says. */
  readonly #open = new Set<Socket>();

  constructor(limits: HttpLimits) {
    this.#limits = limits;
    this.#count = new ConnectionCount(limits.settings.connections);
    this.#rate = new SourceLimiter(limits.settings.connectionRates);
  }

  enter(socket: Socket): void {
    const address = canonicalAddress(socket.remoteAddress ?? '');
    const refusal = this.#admit(address);
    if (refusal !== undefined) {
      this.#limits.refused(refusal);
      socket.destroy();
      return;
    }
    this.#open.add(socket);
    socket.once('close', () => {
      this.#open.delete(socket);
      this.#count.release(address);
    });
  }

  closeAll(): void {
    for (const socket of this.#open) socket.destroy();
  }

  #admit(address: string): HttpRefusalReason | undefined {
    const { known, now } = this.#limits;
    const isKnown = () => known.has(address);
    if (!this.#rate.take(address, now(), isKnown)) return 'connectionsLimited';
    return this.#count.admit(address, isKnown) ? undefined : 'tooManyConnections';
  }
}
