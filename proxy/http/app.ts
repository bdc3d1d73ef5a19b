/**
 * The fastify instance that both Moonlight listeners (HTTP and HTTPS) are built from: zod as validator, and errors
 * as clients show them, which is HTTP 200 with `status_code` and `status_message` in the XML.
 */
import Fastify, {
  LogController,
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type FastifyTypeProvider,
  type RawServerDefault,
} from 'fastify';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { z } from 'zod';
import { writeXml } from '../../core/protocol/moonlight/xml.ts';
import { GleipnirError, type ErrorCode } from '../../core/runtime/errors.ts';
import type { Logger } from '../../core/runtime/log.ts';
import type { Origin, Origins } from '../origin/origins.ts';
import { ClientLeft } from './client-left.ts';
import { GameFailed } from './game-failed.ts';
import type { HttpRefusalReason } from './refusals.ts';

export interface ZodTypeProvider extends FastifyTypeProvider {
  validator: this['schema'] extends z.ZodType ? z.output<this['schema']> : unknown;
  serializer: this['schema'] extends z.ZodType ? z.input<this['schema']> : unknown;
}

/** A listener's fastify instance; routes are registered on it. */
export type MoonlightServer = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>;

export const XML_TYPE = 'application/xml; charset=utf-8';

/** What a person reads when the fault is ours. */
const OUR_FAULT = 'Something went wrong here; see the log';

/** How errors that are the client's own, or its bad luck, are counted. */
const REFUSALS: Partial<Record<ErrorCode, HttpRefusalReason>> = {
  NOT_PAIRED: 'notPaired',
  REQUEST_INVALID: 'invalid',
  PIN_WRONG: 'pinWrong',
  HOST_BUSY: 'busy',
};

declare module 'fastify' {
  interface FastifyRequest {
    /** Where it comes from. */
    readonly origin: Origin;
  }
}

export interface AppOptions {
  log: Logger;
  origins: Origins;
  createServer: (handler: RequestListener) => RawServerDefault;
  /** Takes a request of this canonical source address. @returns whether it may go on. */
  takeRequest: (address: string) => boolean;
  /** Counts a refusal. */
  refused: (reason: HttpRefusalReason) => void;
}

/**
 * An instance without routes, to be served by what `createServer` makes. It logs no request by itself: their URLs
 * hold keys.
 */
export function createApp({ log, origins, createServer, takeRequest, refused }: AppOptions): MoonlightServer {
  const loggerInstance: FastifyBaseLogger = log;
  const answerError = createErrorHandler(refused);
  const app = Fastify({
    loggerInstance,
    logController: new LogController({ disableRequestLogging: true }),
    exposeHeadRoutes: false,
    forceCloseConnections: true,
    serverFactory: createServer,
    clientErrorHandler: (error, socket) => {
      answerMalformed(error, socket, refused);
    },
    frameworkErrors: answerError,
  }).withTypeProvider<ZodTypeProvider>();
  app.removeAllContentTypeParsers();
  app.setValidatorCompiler<z.ZodType>(({ schema }) => (data) => {
    const parsed = schema.safeParse(data);
    if (parsed.success) return { value: parsed.data };
    const problems = z.prettifyError(parsed.error);
    return {
      error: new GleipnirError('REQUEST_INVALID', 'A parameter of the request is wrong or missing', {
        problems,
      }),
    };
  });
  app.decorateRequest('origin', {
    getter() {
      return origins.of(this.raw.socket);
    },
  });
  app.addHook('onRequest', (request, reply, done) => {
    const refusal = takeRequest(request.origin.source) ? bodyOf(request) : 'requestsLimited';
    if (refusal === undefined) {
      done();
      return;
    }
    refused(refusal);
    void turnAway(reply, refusal);
  });
  app.setErrorHandler(answerError);
  app.setNotFoundHandler((_request, reply) => {
    refused('unknownPath');
    return reply.code(404).type(XML_TYPE).send(writeXml(404, {}));
  });
  return app;
}

/** No request of Moonlight has a body; one that announces one is answered unread, and its connection closed. */
function bodyOf({ headers }: FastifyRequest): 'hasBody' | undefined {
  const { 'content-length': length = '0', 'transfer-encoding': encoding } = headers;
  return length === '0' && encoding === undefined ? undefined : 'hasBody';
}

function turnAway(reply: FastifyReply, refusal: 'hasBody' | 'requestsLimited'): FastifyReply {
  const xml =
    refusal === 'hasBody'
      ? writeXml(400, {}, { statusMessage: 'A request must not have a body' })
      : writeXml(503, {}, { statusMessage: 'Too many requests: try again in a moment' });
  return reply.header('connection', 'close').type(XML_TYPE).send(xml);
}

function createErrorHandler(
  refused: AppOptions['refused'],
): (error: FastifyError | Error, request: FastifyRequest, reply: FastifyReply) => void {
  return (error, request, reply) => {
    if (error instanceof ClientLeft) {
      reply.hijack();
      return;
    }
    const { statusCode, statusMessage } = describeError(error);
    const refusal = refusalOf(error, statusCode);
    const path = request.url.split('?', 1)[0];
    if (refusal !== undefined) refused(refusal);
    if (refusal === undefined && statusCode >= 500) request.log.warn({ err: error, path }, 'request failed');
    else request.log.debug({ err: error, path }, 'request refused');
    void reply
      .code(200)
      .type(XML_TYPE)
      .send(writeXml(statusCode, {}, { statusMessage }));
  };
}

/** What the client got wrong; `undefined` for a wish that failed. */
function refusalOf(error: Error, statusCode: number): HttpRefusalReason | undefined {
  if (error instanceof GleipnirError) return REFUSALS[error.code];
  return error instanceof GameFailed || statusCode >= 500 ? undefined : 'invalid';
}

function describeError(error: FastifyError | Error): { statusCode: number; statusMessage: string } {
  if (error instanceof GleipnirError)
    return { statusCode: error.traits.status, statusMessage: error.message };
  if (error instanceof GameFailed) return { statusCode: error.statusCode, statusMessage: error.message };
  const status = 'statusCode' in error ? error.statusCode : undefined;
  if (status !== undefined && status >= 400 && status < 500) {
    return { statusCode: status, statusMessage: STATUS_CODES[status] ?? 'Bad Request' };
  }
  return { statusCode: 500, statusMessage: OUR_FAULT };
}

/** What is no HTTP, too long or too slow: one short answer, never longer than what came, and the connection closes. */
function answerMalformed(
  error: Error & { code?: string },
  socket: Socket,
  refused: AppOptions['refused'],
): void {
  const { status, reason } = describeMalformed(error.code ?? '');
  if (reason !== undefined) refused(reason);
  const body = writeXml(status, {});
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    'Connection: close',
    `Content-Type: ${XML_TYPE}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  const answer = `${head.join('\r\n')}\r\n\r\n${body}`;
  const isAnswered = reason !== undefined && reason !== 'tlsFailed' && socket.writable;
  if (isAnswered && answer.length <= socket.bytesRead) socket.end(answer, () => socket.destroy());
  else socket.destroy();
}

/** @returns no reason for a client that just left. */
function describeMalformed(code: string): { status: number; reason: HttpRefusalReason | undefined } {
  if (code === 'ECONNRESET' || code === 'EPIPE') return { status: 400, reason: undefined };
  if (code === 'HPE_HEADER_OVERFLOW') return { status: 431, reason: 'headersTooLarge' };
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return { status: 408, reason: 'timedOut' };
  if (code === 'ERR_TLS_HANDSHAKE_TIMEOUT') return { status: 408, reason: 'timedOut' };
  return { status: 400, reason: /^ERR_(SSL|TLS)/.test(code) ? 'tlsFailed' : 'malformed' };
}
