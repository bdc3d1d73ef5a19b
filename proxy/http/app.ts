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
import { GleipnirError } from '../../core/runtime/errors.ts';
import type { Logger } from '../../core/runtime/log.ts';
import { ClientLeft } from './client-left.ts';
import { GameFailed } from './game-failed.ts';

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

/**
 * An instance without routes, to be served by what `createServer` makes. It logs no request by itself: their URLs
 * hold keys.
 */
export function createApp(
  log: Logger,
  createServer: (handler: RequestListener) => RawServerDefault,
): MoonlightServer {
  const loggerInstance: FastifyBaseLogger = log;
  const app = Fastify({
    loggerInstance,
    logController: new LogController({ disableRequestLogging: true }),
    exposeHeadRoutes: false,
    forceCloseConnections: true,
    serverFactory: createServer,
    clientErrorHandler: answerMalformed,
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
  app.addHook('onRequest', refuseBody);
  app.setErrorHandler(answerError);
  app.setNotFoundHandler((_request, reply) => reply.code(404).type(XML_TYPE).send(writeXml(404, {})));
  return app;
}

/** No request of Moonlight has a body; one that announces one is answered unread, and its connection closed. */
function refuseBody(request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void): void {
  const { 'content-length': length = '0', 'transfer-encoding': encoding } = request.headers;
  if (length === '0' && encoding === undefined) {
    done();
    return;
  }
  void reply.header('connection', 'close');
  done(new GleipnirError('REQUEST_INVALID', 'A request must not have a body'));
}

function answerError(error: FastifyError | Error, request: FastifyRequest, reply: FastifyReply): void {
  if (error instanceof ClientLeft) {
    reply.hijack();
    return;
  }
  const { statusCode, statusMessage } = describeError(error);
  const path = request.url.split('?', 1)[0];
  if (statusCode >= 500) request.log.warn({ err: error, path }, 'request failed');
  else request.log.debug({ err: error, path }, 'request refused');
  void reply
    .code(200)
    .type(XML_TYPE)
    .send(writeXml(statusCode, {}, { statusMessage }));
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

/** What is no HTTP, too long or too slow gets one short answer, and its connection is closed. */
function answerMalformed(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status =
    error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
  const body = writeXml(status, {});
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    'Connection: close',
    `Content-Type: ${XML_TYPE}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}
