/**
 * One Moonlight listener, HTTP or HTTPS: its limits against slow, large and many requests, and its TLS.
 *
 * TLS asks for the client's certificate and takes any: all Moonlight certificates share subject, issuer and serial,
 * so no chain can tell them apart. Who it is, is decided for each request from the exact certificate. Sessions are
 * never resumed, so that every connection shows its certificate.
 */
import { constants } from 'node:crypto';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { canonicalAddress } from '../../core/runtime/address.ts';
import { GleipnirError } from '../../core/runtime/errors.ts';
import type { Logger } from '../../core/runtime/log.ts';
import { createApp, type MoonlightServer } from './app.ts';

/** Connections of one listener. */
export const CONNECTIONS_MAX = 1024;
/** Connections of one source address and listener; many players may share one. */
export const CONNECTIONS_PER_ADDRESS_MAX = 128;
/** Request line and headers, bytes; step 1 of pairing has some 2.3 kB. */
export const HEADERS_BYTES_MAX = 8 * 1024;
/** For the TLS handshake, and for a whole request from its first byte, ms. */
export const REQUEST_TIMEOUT_MS = 10_000;

const HTTP_LIMITS = {
  maxHeaderSize: HEADERS_BYTES_MAX,
  headersTimeout: REQUEST_TIMEOUT_MS,
  requestTimeout: REQUEST_TIMEOUT_MS,
  connectionsCheckingInterval: 2_000,
  keepAliveTimeout: 5_000,
};

export interface ListenerOptions {
  bindAddress: string;
  /** 0 lets the system choose. */
  port: number;
  /** Makes it an HTTPS listener. */
  tls?: { certificatePem: string; privateKeyPem: string };
  log: Logger;
}

/** A listener that does not listen yet, so that routes can be registered on `app`. */
export interface Listener {
  app: MoonlightServer;
  /** @returns the bound port. @throws GleipnirError PORT_UNAVAILABLE */
  start: () => Promise<number>;
  /** Closes every connection at once. */
  stop: () => Promise<void>;
}

export function createListener({ bindAddress, port, tls, log }: ListenerOptions): Listener {
  /** Open sockets with their source address; at most CONNECTIONS_MAX. */
  const sockets = new Map<Socket, string>();
  const app = createApp(log, (handler) => {
    const server = tls === undefined ? createHttpServer(HTTP_LIMITS, handler) : createTlsServer(tls, handler);
    server.maxConnections = CONNECTIONS_MAX;
    // On TLS too, this is the TCP connection, before its handshake.
    server.on('connection', (socket: Socket) => {
      admit(sockets, socket);
    });
    return server;
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
      for (const socket of sockets.keys()) socket.destroy();
      await closed;
    },
  };
}

function createTlsServer(
  { certificatePem, privateKeyPem }: NonNullable<ListenerOptions['tls']>,
  handler: RequestListener,
): ReturnType<typeof createHttpsServer> {
  const options = {
    ...HTTP_LIMITS,
    cert: certificatePem,
    key: privateKeyPem,
    requestCert: true,
    rejectUnauthorized: false,
    minVersion: 'TLSv1.2',
    secureOptions: constants.SSL_OP_NO_TICKET,
    handshakeTimeout: REQUEST_TIMEOUT_MS,
  } as const;
  return createHttpsServer(options, handler);
}

function admit(sockets: Map<Socket, string>, socket: Socket): void {
  const address = canonicalAddress(socket.remoteAddress ?? '');
  let fromThere = 0;
  for (const other of sockets.values()) if (other === address) fromThere += 1;
  if (fromThere >= CONNECTIONS_PER_ADDRESS_MAX) {
    socket.destroy();
    return;
  }
  sockets.set(socket, address);
  socket.once('close', () => sockets.delete(socket));
}
