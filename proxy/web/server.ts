/**
 * The console, on a port of its own: how things are, who wants to pair, what was. It lets people in, so
 * it listens where only its owner is (loopback), or asks for a login. The same port answers /healthz and /metrics.
 */
import formbody from '@fastify/formbody';
import Fastify, {
  LogController,
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyRequest,
} from 'fastify';
import { readFileSync } from 'node:fs';
import type { AddressInfo, Socket } from 'node:net';
import type { Registry } from 'prom-client';
import { canonicalAddress, isLoopback } from '../../core/runtime/address.ts';
import { ConnectionCount } from '../../core/runtime/connection-count.ts';
import type { History } from '../../core/history/history.ts';
import type { Logger } from '../../core/runtime/log.ts';
import type { ObjectStore } from '../../core/store/object-store.ts';
import { portUnavailable } from '../../core/runtime/system-errors.ts';
import { checkAccess, type Access, type AccessConfig } from './access.ts';
import { registerActions, type ActionsDeps } from './actions.ts';
import { HistoryRecorder, type RecorderDeps } from '../history/recorder.ts';
import { Streams, type StreamsDeps } from '../history/streams.ts';
import { Facts, type FactsDeps } from './facts.ts';
import { FormTokens } from './guard.ts';
import { askerOf, guardAnswers, guardRequests } from './hooks.ts';
import { Login } from './login.ts';
import { registerLogin } from './login-routes.ts';
import type { About } from './overview.ts';
import { registerPages } from './pages.ts';
import { STYLE } from './style.ts';
import { userNameOf } from './subjects.ts';

/** Largest form, bytes. */
const FORM_BYTES_MAX = 4096;
/** For a whole request, ms. */
const REQUEST_TIMEOUT_MS = 10_000;
/** How long a connection may wait for its next request, ms. */
const IDLE_MS = 5_000;
/** Connections at once: so many of one source, and some kept for this machine and the trusted proxies. */
export const CONNECTION_LIMITS = { perSourceMax: 128, max: 256, reserved: 64 };
/** How the server treats who is slow. */
const HTTP_LIMITS = {
  maxHeaderSize: 16 * 1024,
  headersTimeout: REQUEST_TIMEOUT_MS,
  connectionsCheckingInterval: 2_000,
};

const SCRIPT = readFileSync(new URL('./console.js', import.meta.url), 'utf8');

export interface WebConfig extends AccessConfig {
  /** 0 lets the system choose. */
  port: number;
}

type PartsDeps = FactsDeps & Omit<ActionsDeps, 'userOf' | 'personOf' | 'onSessionEnd'> & StreamsDeps;
type Recorded = Pick<RecorderDeps, 'history' | 'exchanges' | 'pairings' | 'sessions'>;

export interface WebDeps extends Omit<PartsDeps, keyof Recorded> {
  config: WebConfig;
  hostname: string;
  exchanges: PartsDeps['exchanges'] & Recorded['exchanges'];
  pairings: PartsDeps['pairings'] & Recorded['pairings'];
  sessions: PartsDeps['sessions'] & Recorded['sessions'];
  users: Pick<ObjectStore<'User'>, 'list'>;
  history: History;
  /** What the first page says of this process and its machine. */
  about: () => About;
  /** What /healthz tells besides that all is well; to everybody. */
  health: () => Readonly<Record<string, unknown>>;
  /** What /metrics shows. */
  register: Pick<Registry, 'metrics' | 'contentType'>;
  /** Milliseconds since the epoch. */
  now: () => number;
  log: Logger;
}

export interface WebServer {
  /** For tests that need no socket. */
  app: FastifyInstance;
  /** For tests that do not wait for time to pass. */
  streams: Streams;
  /** @returns the bound port. @throws GleipnirError PORT_UNAVAILABLE, CONFIG_INVALID for the password file */
  start: () => Promise<number>;
  stop: () => Promise<void>;
}

/** @throws GleipnirError CONFIG_INVALID when it would be open to strangers. */
export function createWebServer(deps: WebDeps): WebServer {
  const { config, now } = deps;
  const access = checkAccess(config);
  const login = new Login({ access, now });
  const tokens = new FormTokens();
  const app = createApp(deps.log);
  limitConnections(app, access);
  guardAnswers(app);
  guardRequests(app, { access, login, tokens });
  const facts = new Facts(deps);
  const streams = new Streams(deps);
  const recorder = new HistoryRecorder({ ...deps, streams, describe: (session) => facts.namesOf(session) });
  registerRoutes(app, deps, { login, tokens, facts, streams, recorder });

  return {
    app,
    streams,
    start: async () => {
      await login.start();
      await streams.start();
      recorder.start();
      const { bindAddress: host, port } = config;
      try {
        await app.listen({ host, port, listenTextResolver: (address) => `console is at ${address}` });
      } catch (cause) {
        throw portUnavailable({ protocol: 'TCP', listener: 'WEB', address: host, port }, cause);
      }
      return (app.server.address() as AddressInfo).port;
    },
    stop: async () => {
      await app.close();
      streams.stop();
      await recorder.stop();
    },
  };
}

function createApp(log: Logger): FastifyInstance {
  const loggerInstance: FastifyBaseLogger = log;
  const app = Fastify({
    loggerInstance,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: FORM_BYTES_MAX,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: IDLE_MS,
    http: HTTP_LIMITS,
    forceCloseConnections: true,
    exposeHeadRoutes: false,
  });
  app.removeAllContentTypeParsers();
  void app.register(formbody, { bodyLimit: FORM_BYTES_MAX });
  return app;
}

function limitConnections(app: FastifyInstance, { trustedProxies }: Access): void {
  const count = new ConnectionCount(CONNECTION_LIMITS);
  app.server.on('connection', (socket: Socket) => {
    const address = canonicalAddress(socket.remoteAddress ?? '');
    if (!count.admit(address, () => isLoopback(address) || trustedProxies.has(address))) {
      socket.destroy();
      return;
    }
    socket.once('close', () => {
      count.release(address);
    });
  });
}

interface Parts {
  login: Login;
  tokens: FormTokens;
  facts: Facts;
  streams: Streams;
  recorder: HistoryRecorder;
}

function registerRoutes(app: FastifyInstance, deps: WebDeps, parts: Parts): void {
  const { login, tokens, facts, streams, recorder } = parts;
  const { hostname, register, health } = deps;

  app.get('/console.css', (_request, reply) => reply.type('text/css; charset=utf-8').send(STYLE));
  app.get('/console.js', (_request, reply) => reply.type('text/javascript; charset=utf-8').send(SCRIPT));
  app.get('/healthz', () => ({ status: 'ok', ...health() }));
  app.get('/metrics', async (_request, reply) =>
    reply.type(register.contentType).send(await register.metrics()),
  );

  const who = (request: FastifyRequest) => login.who(askerOf(request));
  const personOf = (request: FastifyRequest) => userNameOf(deps.users, who(request)?.subject);
  registerLogin(app, { login, tokens, hostname, log: deps.log });
  registerActions(app, {
    ...deps,
    userOf: (request) => who(request)?.user,
    personOf,
    onSessionEnd: (id, user) => recorder.noteEndedBy(id, user),
  });
  registerPages(app, {
    ...deps,
    facts,
    streams,
    personOf,
    modelOf: (request) => {
      const { user, canLogOut = false, formSubject = '' } = who(request) ?? {};
      return { hostname, token: tokens.of(formSubject), user, canLogOut };
    },
  });
}
