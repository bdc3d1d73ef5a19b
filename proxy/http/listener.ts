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
import { GleipnirError } from '../../core/runtime/errors.ts';
import type { Logger } from '../../core/runtime/log.ts';
import { SourceLimiter } from '../../core/runtime/token-bucket.ts';
import { Door } from '../../core/runtime/door.ts';
import type { Origins } from '../origin/origins.ts';
import { createApp, type MoonlightServer } from './app.ts';
import type { HttpLimits, HttpLimitSettings } from './limits.ts';

/** How often connections are looked at for their time-outs. */
const CHECK_INTERVAL_MS = 2_000;

export interface ListenerOptions {
  bindAddress: string;
  /** 0 lets the system choose. */
  port: number;
  /** Makes it an HTTPS listener. */
  tls?: TlsOptions;
  limits: HttpLimits;
  origins: Origins;
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

export function createListener(options: ListenerOptions): Listener {
  const { bindAddress, port, limits, origins, log } = options;
  const { settings, known, refused, now } = limits;
  const door = new Door({ limits: settings, isKnown: (address) => known.has(address), refused, now });
  const requests = new SourceLimiter(settings.requestRates);
  const app = createApp({
    log,
    origins,
    refused,
    takeRequest: (address) => requests.take(address, now(), () => known.has(address)),
    createServer: (handler) => {
      const server = createServer(options, handler);
      server.timeout = settings.idleTimeoutMs;
      // On TLS too, this is the TCP connection, before its handshake.
      server.on('connection', (socket: Socket) => {
        door.enter(socket, origins.of(socket).source);
      });
      origins.attend(server);
      return server;
    },
  });

  return {
    app,
    start: async () => {
      try {
        await app.listen({ host: bindAddress, port, listenTextResolver: () => 'Moonlight listener is up' });
      } catch (cause) {
        throw new GleipnirError(
          'PORT_UNAVAILABLE',
          'A port of Moonlight HTTP cannot be bound',
          { address: bindAddress, port },
          { cause },
        );
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

function createServer({ tls, limits, origins }: ListenerOptions, handler: RequestListener): Server {
  if (tls === undefined) return createHttpServer(serverLimits(limits.settings), handler);
  return createTlsServer(tls, handler, limits, origins);
}

function createTlsServer(
  { certificatePem, privateKeyPem, isPaired }: TlsOptions,
  handler: RequestListener,
  { settings, known }: HttpLimits,
  origins: Origins,
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
    if (fingerprint !== undefined && isPaired(fingerprint)) known.add(origins.of(socket).source);
  });
  return server;
}
