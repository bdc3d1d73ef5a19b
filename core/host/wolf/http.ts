/**
 * One request over Wolf's API socket, built around what that server does with HTTP (WOLF.md 1): one request per
 * connection, a body only with Content-Length, a reply that is complete after Content-Length bytes although the
 * connection may stay open for hours (a game that was started meanwhile inherits it).
 */
import { request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http';
import { GleipnirError } from '../../runtime/errors.ts';

/** What is larger, Wolf itself garbles. */
const REPLY_MAX_BYTES = 200 * 1024;
const TIMEOUT_MS = 5_000;
const BASE = '/api/v1';

export interface WolfRequest {
  socketPath: string;
  method: 'GET' | 'POST';
  /** Below /api/v1, for example `/pair/pending`. */
  path: string;
  /** Sent as JSON. May hold secrets, so it appears in no error. */
  body?: Readonly<Record<string, string>>;
}

export interface WolfReply {
  status: number;
  text: string;
}

/** Prepares a request on a connection of its own; the caller ends it. */
export function openRequest({ socketPath, method, path, body }: WolfRequest): ClientRequest {
  const text = body === undefined ? '' : JSON.stringify(body);
  const request = httpRequest({
    socketPath,
    method,
    path: `${BASE}${path}`,
    agent: false,
    headers: {
      host: 'localhost',
      // Without a length node would send chunks, which Wolf refuses.
      ...(body && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
    },
  });
  if (body !== undefined) request.write(text);
  return request;
}

/**
 * Sends one request and reads its reply, whatever its status.
 *
 * @throws GleipnirError HOST_UNREACHABLE when there is no complete reply of at most 200 KiB within 5 s;
 * `details.reason` is `timeout`, `too large`, `truncated` or the system's error code.
 */
export function askWolf(asked: WolfRequest): Promise<WolfReply> {
  return new Promise((resolve, reject) => {
    const request = openRequest(asked);
    const settle = (act: () => void): void => {
      clearTimeout(timer);
      act();
      request.destroy();
    };
    const fail = (reason: string): void => {
      settle(() => {
        reject(unreachable(asked, reason));
      });
    };
    const timer = setTimeout(fail, TIMEOUT_MS, 'timeout');
    request.on('error', (error: NodeJS.ErrnoException) => {
      fail(error.code ?? 'unknown');
    });
    request.on('response', (incoming) => {
      readReply(incoming).then(
        (text) => {
          settle(() => {
            resolve({ status: incoming.statusCode ?? 0, text });
          });
        },
        (error: unknown) => {
          fail(error instanceof RangeError ? 'too large' : 'truncated');
        },
      );
    });
    request.end();
  });
}

/** @throws RangeError when it is too large; Error when the connection ended before the announced end. */
function readReply(incoming: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let sizeBytes = 0;
    incoming.on('data', (chunk: Buffer) => {
      sizeBytes += chunk.length;
      if (sizeBytes > REPLY_MAX_BYTES) reject(new RangeError('too large'));
      else chunks.push(chunk);
    });
    incoming.on('end', () => {
      resolve(Buffer.concat(chunks).toString('utf8'));
    });
    incoming.on('error', reject);
  });
}

/** Without the cause: a parser's error carries the bytes it choked on, and these may be secret. */
export function unreachable({ socketPath, path }: WolfRequest, reason: string): GleipnirError {
  const details = { socketPath, path, reason };
  return new GleipnirError('HOST_UNREACHABLE', 'The API socket of the host does not answer', details);
}
