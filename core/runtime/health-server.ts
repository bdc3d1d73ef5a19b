/**
 * What a part shows to those who run it, on a port of its own: /healthz (the process lives), /readyz (it can do its
 * work, or in words why not) and /metrics. Nothing else is there, and nothing that is asked is read.
 */
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';
import { GleipnirError } from './errors.ts';

const REQUEST_TIMEOUT_MS = 5_000;
const CONNECTIONS_MAX = 64;
const HEADERS_BYTES_MAX = 8 * 1024;

export interface HealthServerDeps {
  bindAddress: string;
  /** 0 lets the system choose. */
  port: number;
  /** What /healthz tells besides that all is well. */
  health: () => Readonly<Record<string, unknown>>;
  /** What still hinders; nothing when ready. */
  hindrances: () => readonly string[];
  register: Pick<Registry, 'metrics' | 'contentType'>;
}

export interface HealthServer {
  /** @returns the bound port. @throws GleipnirError PORT_UNAVAILABLE */
  start: () => Promise<number>;
  stop: () => Promise<void>;
}

export function createHealthServer(deps: HealthServerDeps): HealthServer {
  const { bindAddress, port } = deps;
  const options = {
    requestTimeout: REQUEST_TIMEOUT_MS,
    headersTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: REQUEST_TIMEOUT_MS,
    maxHeaderSize: HEADERS_BYTES_MAX,
  };
  const server = createServer(options, createHandler(deps));
  server.maxConnections = CONNECTIONS_MAX;
  return {
    start: async () => {
      server.listen({ host: bindAddress, port });
      try {
        await once(server, 'listening');
      } catch (cause) {
        const where = { address: bindAddress, port };
        throw new GleipnirError(
          'PORT_UNAVAILABLE',
          'The port for health and metrics cannot be bound',
          where,
          {
            cause,
          },
        );
      }
      return (server.address() as AddressInfo).port;
    },
    stop: async () => {
      if (!server.listening) return;
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

function createHandler({ health, hindrances, register }: HealthServerDeps): RequestListener {
  return (request, response) => {
    const answer = (status: number, type: string, body: string): void => {
      response.writeHead(status, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body) });
      response.end(request.method === 'HEAD' ? undefined : body);
    };
    const json = (status: number, facts: object): void => {
      answer(status, 'application/json; charset=utf-8', `${JSON.stringify(facts)}\n`);
    };
    const path = request.method === 'GET' || request.method === 'HEAD' ? request.url : undefined;
    if (path === '/healthz') json(200, { status: 'ok', ...health() });
    else if (path === '/readyz') {
      const waitsFor = hindrances();
      json(waitsFor.length === 0 ? 200 : 503, { isReady: waitsFor.length === 0, waitsFor });
    } else if (path === '/metrics') {
      register.metrics().then(
        (text) => {
          answer(200, register.contentType, text);
        },
        () => {
          json(500, { error: 'metrics cannot be collected' });
        },
      );
    } else json(404, { error: 'not found' });
  };
}
