/**
 * The PIN page, on a port of its own: who wants to pair, the form for the PIN, which clients are paired. It lets
 * people in, so it listens where only its owner is: on loopback, unless configured otherwise.
 */
import formbody from '@fastify/formbody';
import Fastify, {
  LogController,
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyRequest,
} from 'fastify';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';
import type { AppCatalog } from '../../core/host/catalog.ts';
import { GleipnirError } from '../../core/runtime/errors.ts';
import type { Logger } from '../../core/runtime/log.ts';
import type { ObjectStore } from '../../core/store/object-store.ts';
import type { PairingExchanges } from '../pairing/exchange.ts';
import { FormToken, isOwnHost, isSameOrigin, type RequestOrigin } from './guard.ts';
import { MESSAGES, renderPage, type Message } from './page.ts';
import { SECURITY_HEADERS } from './style.ts';

/** Largest form, bytes. */
const FORM_BYTES_MAX = 4096;
/** For a whole request, ms. */
const REQUEST_TIMEOUT_MS = 10_000;
/** Connections at once. */
const CONNECTIONS_MAX = 64;
/** How long a sent PIN waits for the client to finish, ms. */
const OUTCOME_WAIT_MS = 6_000;

const PinForm = z.object({
  id: z.uuid(),
  pin: z.string().regex(/^[0-9]{4}$/),
  name: z.string().trim().max(100).default(''),
});
const RemoveForm = z.object({ id: z.string().max(253) });
const Token = z.object({ token: z.string() });
const PageQuery = z.object({
  message: z.enum(Object.keys(MESSAGES) as [Message, ...Message[]]).optional(),
});

export interface WebDeps {
  config: { bindAddress: string; port: number };
  hostname: string;
  exchanges: Pick<PairingExchanges, 'pending' | 'enterPin'>;
  pairings: Pick<ObjectStore<'Pairing'>, 'list' | 'delete'>;
  catalog: Pick<AppCatalog, 'awaitedPins'>;
  /** Milliseconds since the epoch. */
  now: () => number;
  log: Logger;
  /** How long a sent PIN waits for the client to finish, ms. Default 6 s, more than a client needs to notice a wrong PIN. */
  outcomeWaitMs?: number;
}

export interface WebServer {
  /** For tests that need no socket. */
  app: FastifyInstance;
  /** @returns the bound port. @throws GleipnirError PORT_UNAVAILABLE */
  start: () => Promise<number>;
  stop: () => Promise<void>;
}

export function createWebServer(deps: WebDeps): WebServer {
  const { config, log } = deps;
  const loggerInstance: FastifyBaseLogger = log;
  const app = Fastify({
    loggerInstance,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: FORM_BYTES_MAX,
    requestTimeout: REQUEST_TIMEOUT_MS,
    forceCloseConnections: true,
    exposeHeadRoutes: false,
  });
  app.server.maxConnections = CONNECTIONS_MAX;
  app.removeAllContentTypeParsers();
  void app.register(formbody, { bodyLimit: FORM_BYTES_MAX });
  guard(app);
  registerRoutes(app, deps, new FormToken());

  return {
    app,
    start: async () => {
      const { bindAddress: host, port } = config;
      try {
        await app.listen({ host, port, listenTextResolver: () => 'PIN page is up' });
      } catch (cause) {
        const where = { address: host, port };
        throw new GleipnirError('PORT_UNAVAILABLE', 'The port of the PIN page cannot be bound', where, {
          cause,
        });
      }
      return (app.server.address() as AddressInfo).port;
    },
    stop: () => app.close(),
  };
}

/** Checks before every route, and the same headers on every answer, errors included. */
function guard(app: FastifyInstance): void {
  app.addHook('onRequest', async (request, reply) => {
    void reply.headers(SECURITY_HEADERS);
    const origin = originOf(request);
    if (!isOwnHost(origin)) return reply.code(421).type('text/plain').send('Use the address of this machine');
    if (request.method === 'POST' && !isSameOrigin(origin)) {
      return reply.code(403).type('text/plain').send('This form belongs to another site');
    }
    return undefined;
  });
  app.setNotFoundHandler((_request, reply) =>
    reply.code(404).type('text/plain').send('There is no such page'),
  );
  app.setErrorHandler((error: Error & { statusCode?: number }, request, reply) => {
    const status = error.statusCode !== undefined && error.statusCode < 500 ? error.statusCode : 500;
    if (status === 500) request.log.error({ err: error }, 'PIN page failed');
    const text = status === 500 ? 'Something went wrong here; see the log' : 'This request is not valid';
    return reply.code(status).type('text/plain').send(text);
  });
}

function registerRoutes(app: FastifyInstance, deps: WebDeps, token: FormToken): void {
  const { exchanges, pairings, catalog, hostname } = deps;

  app.get('/', async (request, reply) => {
    const query = PageQuery.safeParse(request.query);
    const page = renderPage({
      hostname,
      token: token.value,
      message: query.data?.message,
      pending: exchanges.pending(),
      awaitedPins: catalog.awaitedPins(),
      pairings: await pairings.list(),
      now: deps.now(),
    });
    return reply.type('text/html; charset=utf-8').send(page);
  });

  app.addHook('preHandler', async (request, reply) => {
    if (request.method !== 'POST') return undefined;
    const form = Token.safeParse(request.body);
    if (form.success && token.matches(form.data.token)) return undefined;
    return reply.code(403).type('text/plain').send('This form is out of date: go back and reload the page');
  });

  app.post('/pin', async (request, reply) => {
    const form = PinForm.safeParse(request.body);
    const message = form.success ? await enterPin(deps, form.data) : 'invalid';
    return reply.redirect(`/?message=${message}`, 303);
  });

  app.post('/remove', async (request, reply) => {
    const form = RemoveForm.safeParse(request.body);
    if (!form.success) return reply.redirect('/', 303);
    await pairings.delete(form.data.id);
    request.log.info({ name: form.data.id }, 'client was removed');
    return reply.redirect('/?message=removed', 303);
  });
}

async function enterPin(deps: WebDeps, { id, pin, name }: z.output<typeof PinForm>): Promise<Message> {
  const outcome = deps.exchanges.enterPin(id, pin, name === '' ? undefined : name);
  if (outcome === undefined) return 'gone';
  const { promise: late, resolve } = Promise.withResolvers<Message>();
  const timer = setTimeout(() => {
    resolve('waiting');
  }, deps.outcomeWaitMs ?? OUTCOME_WAIT_MS);
  try {
    return await Promise.race([outcome, late]);
  } finally {
    clearTimeout(timer);
  }
}

function originOf({ headers, socket }: FastifyRequest): RequestOrigin {
  const secFetchSite = headers['sec-fetch-site'];
  return {
    host: headers.host,
    origin: headers.origin,
    secFetchSite: typeof secFetchSite === 'string' ? secFetchSite : undefined,
    localAddress: socket.localAddress,
  };
}
