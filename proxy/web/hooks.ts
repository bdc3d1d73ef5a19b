/** Checks before every route of the console: the address it was called by, who calls, and whose form it is. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { canonicalAddress, isLoopback } from '../../core/runtime/address.ts';
import { GleipnirError } from '../../core/runtime/errors.ts';
import type { Access } from './access.ts';
import { isOwnHost, isSameOrigin, type FormTokens, type RequestOrigin } from './guard.ts';
import type { Asker, Login } from './login.ts';
import { SECURITY_HEADERS } from './style.ts';

/** What the form of somebody who is not logged in is bound to. */
export const STRANGER = 'stranger';

/** Served to everybody; /healthz also under any name, since it says little. */
const PUBLIC_PATHS = new Set(['/login', '/console.css', '/healthz']);
/** Headers by which a reverse proxy shows itself: behind one, every request comes from its address. */
const PROXY_HEADERS = ['forwarded', 'via', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip'];

const Token = z.object({ token: z.string() });

/** What tells who makes `request`. */
export function askerOf({ headers, socket }: FastifyRequest): Asker {
  return { headers, remoteAddress: socket.remoteAddress };
}

export interface GuardDeps {
  access: Access;
  login: Login;
  tokens: FormTokens;
}

/** Turns away whom the console is not for, and forms that are not its own. */
export function guardRequests(app: FastifyInstance, { access, login, tokens }: GuardDeps): void {
  app.addHook('onRequest', async (request, reply) => {
    const path = pathOf(request);
    if (path === '/healthz') return undefined;
    const origin = originOf(request);
    if (!isOwnHost(origin, access.hostNames)) return refuse(reply, 421, 'Use the address of this machine');
    if (request.method === 'POST' && !isSameOrigin(origin)) {
      return refuse(reply, 403, 'This form belongs to another site');
    }
    if (PUBLIC_PATHS.has(path) || login.who(askerOf(request)) !== undefined) return undefined;
    if (path === '/metrics' && mayReadMetrics(request, access)) return undefined;
    if (login.takesPasswords && !isForPrograms(path)) return reply.redirect('/login', 303);
    return refuse(reply, 401, 'Log in first');
  });

  app.addHook('preHandler', async (request, reply) => {
    if (request.method !== 'POST') return undefined;
    const form = Token.safeParse(request.body);
    const subject = login.who(askerOf(request))?.formSubject ?? STRANGER;
    if (form.success && tokens.matches(subject, form.data.token)) return undefined;
    return refuse(reply, 403, 'This form is out of date: go back and reload the page');
  });
}

/** The same headers on every answer, and words for what went wrong. */
export function guardAnswers(app: FastifyInstance): void {
  app.addHook('onRequest', async (_request, reply) => {
    void reply.headers(SECURITY_HEADERS);
  });
  app.setNotFoundHandler((_request, reply) => refuse(reply, 404, 'There is no such page'));
  app.setErrorHandler((error: Error & { statusCode?: number }, request, reply) => {
    if (error instanceof GleipnirError && error.code === 'TABLE_UNAVAILABLE')
      return refuse(reply, error.traits.status, error.message);
    const status = error.statusCode !== undefined && error.statusCode < 500 ? error.statusCode : 500;
    if (status === 500) request.log.error({ err: error }, 'console failed');
    const text = status === 500 ? 'Something went wrong here; see the log' : 'This request is not valid';
    return refuse(reply, status, text);
  });
}

function refuse(reply: FastifyReply, status: number, text: string): FastifyReply {
  return reply.code(status).type('text/plain; charset=utf-8').send(text);
}

/** Programs get a status instead of a page to log in. */
function isForPrograms(path: string): boolean {
  return path.startsWith('/api/') || path === '/metrics' || path === '/console.js';
}

/** On this machine, but not through a proxy on it; or from an address that was named. */
function mayReadMetrics(
  { headers, socket }: FastifyRequest,
  { metricsAddresses, trustedProxies }: Access,
): boolean {
  const source = canonicalAddress(socket.remoteAddress ?? '');
  if (metricsAddresses.has(source)) return true;
  const isProxied = trustedProxies.has(source) || PROXY_HEADERS.some((name) => headers[name] !== undefined);
  return isLoopback(source) && !isProxied;
}

function pathOf({ url }: FastifyRequest): string {
  return url.split('?', 1)[0] ?? '';
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
