/**
 * One GET over one fresh connection, for hosts that break the habits of HTTP.
 *
 * Wolf closes every connection without saying so, sends a second response behind the first, leaves connections
 * open after a complete answer, and fails when a TLS session is resumed (WOLF.md 5, "HTTP(S) quirks"). So no
 * connection and no TLS session is ever used twice, the answer is complete after Content-Length bytes, and what
 * comes behind them is dropped.
 */
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls, TLSSocket } from 'node:tls';
import { canonicalAddress } from '../runtime/address.ts';
import { GleipnirError } from '../runtime/errors.ts';
import type { ClientIdentity } from './types.ts';

/** How to speak TLS to a host. */
export interface HostTls {
  identity: ClientIdentity;
  /** The only certificate the host may show, byte for byte; `undefined` lets it show any. */
  pinnedCertificatePem: string | undefined;
}

/** One request. */
export interface HostRequest {
  /** IP address or name. */
  address: string;
  port: number;
  /** Plain HTTP where absent. */
  tls?: HostTls;
  path: string;
  /** Starts with `?`; may hold secrets, so it appears in no error. */
  search: string;
  /** From the first packet to the last byte of the answer. */
  timeoutMs: number;
  bodyMaxBytes: number;
  signal?: AbortSignal;
}

/** What came back, whatever its HTTP status. */
export interface RawAnswer {
  status: number;
  body: Buffer;
  /** Canonical IP address that the connection reached. */
  address: string;
}

const TIMED_OUT = 'timeout';
const ABORTED = 'aborted';
const TRUNCATED = 'truncated';

/** Alerts by which a host that checks client certificates in TLS says that it does not know ours. */
const CERTIFICATE_ALERT =
  /ALERT_(BAD_CERTIFICATE|CERTIFICATE_|UNSUPPORTED_CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED)/;

/** More bytes than any answer has. */
class AnswerTooLarge extends Error {}

/** A failure that has its word already. */
class ExchangeFailure extends Error {
  readonly reason: string;

  constructor(reason: string) {
    super(reason);
    this.reason = reason;
  }
}

/**
 * Sends the request and reads the answer's body.
 *
 * @throws GleipnirError HOST_UNREACHABLE when no complete answer came: `details` hold host, port, path and reason
 * (`timeout`, `aborted`, `truncated` or the system's error code). HOST_ANSWER_INVALID when the answer is larger than
 * `bodyMaxBytes`. HOST_CERTIFICATE_CHANGED before
 * anything is sent, when the host shows another certificate than the pinned one. HOST_NOT_PAIRED when it refuses
 * ours in TLS.
 */
export async function exchange(request: HostRequest): Promise<RawAnswer> {
  const deadline = new AbortController();
  const timer = setTimeout(() => {
    deadline.abort();
  }, request.timeoutMs);
  const signals = request.signal === undefined ? [deadline.signal] : [deadline.signal, request.signal];
  const signal = AbortSignal.any(signals);
  let socket: Socket | TLSSocket | undefined;
  try {
    signal.throwIfAborted();
    socket = request.tls === undefined ? openTcp(request) : openTls(request, request.tls);
    // Whatever a host does to the connection after its answer is of no interest.
    socket.on('error', () => undefined);
    await once(socket, request.tls === undefined ? 'connect' : 'secureConnect', { signal });
    if (socket instanceof TLSSocket) checkCertificate(socket, request);
    const address = canonicalAddress(socket.remoteAddress ?? request.address);
    return { ...(await readAnswer(socket, request, signal)), address };
  } catch (error) {
    if (deadline.signal.aborted) throw unreachable(request, TIMED_OUT);
    if (signal.aborted) throw unreachable(request, ABORTED);
    throw translate(error, request);
  } finally {
    clearTimeout(timer);
    socket?.destroy();
  }
}

function openTcp({ address: host, port }: HostRequest): Socket {
  return connectTcp({ host, port });
}

function openTls({ address: host, port }: HostRequest, { identity }: HostTls): TLSSocket {
  return connectTls({
    host,
    port,
    // As libcurl does: a server name only for names, never for IP literals.
    ...(isIP(host) === 0 && { servername: host }),
    cert: identity.certificatePem,
    key: identity.privateKeyPem,
    // Host certificates are self-signed; the exact bytes are compared instead.
    rejectUnauthorized: false,
  });
}

function checkCertificate(socket: TLSSocket, { address: host, port, path, tls }: HostRequest): void {
  if (tls?.pinnedCertificatePem === undefined) return;
  const shown = socket.getPeerX509Certificate();
  const pinned = new X509Certificate(tls.pinnedCertificatePem);
  if (shown?.raw.equals(pinned.raw) === true) return;
  throw new GleipnirError(
    'HOST_CERTIFICATE_CHANGED',
    'The host shows another certificate than the one it was paired with',
    { host, port, path },
  );
}

function readAnswer(
  socket: Socket,
  request: HostRequest,
  signal: AbortSignal,
): Promise<Omit<RawAnswer, 'address'>> {
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest({
      createConnection: () => socket,
      host: request.address,
      port: request.port,
      path: `${request.path}${request.search}`,
      headers: { accept: '*/*' },
      signal,
    });
    outgoing.on('error', reject);
    outgoing.on('response', (incoming) => {
      readBody(incoming, request.bodyMaxBytes).then((body) => {
        resolve({ status: incoming.statusCode ?? 0, body });
      }, reject);
    });
    outgoing.end();
  });
}

/** Content-Length bytes, or all up to the end of the connection where the host announced none. */
function readBody(incoming: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const announced = Number.parseInt(incoming.headers['content-length'] ?? '', 10);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const complete = (): void => {
      resolve(Buffer.concat(chunks));
    };
    if (announced > maxBytes) reject(new AnswerTooLarge());
    incoming.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > maxBytes) {
        reject(new AnswerTooLarge());
        incoming.destroy();
        return;
      }
      chunks.push(chunk);
      if (size >= announced) complete();
    });
    incoming.on('end', complete);
    incoming.on('error', () => {
      reject(new ExchangeFailure(TRUNCATED));
    });
  });
}

function translate(error: unknown, request: HostRequest): GleipnirError {
  if (error instanceof GleipnirError) return error;
  if (error instanceof ExchangeFailure) return unreachable(request, error.reason);
  if (error instanceof AnswerTooLarge) return tooLarge(request);
  const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
  if (CERTIFICATE_ALERT.test(code)) {
    const { address: host, port, path } = request;
    return new GleipnirError('HOST_NOT_PAIRED', 'The host does not accept our certificate', {
      host,
      port,
      path,
      reason: code,
    });
  }
  return unreachable(request, code);
}

/** Without the cause: a parser's error carries the bytes it choked on, and these may be secret. */
function unreachable({ address: host, port, path }: HostRequest, reason: string): GleipnirError {
  return new GleipnirError('HOST_UNREACHABLE', 'The host gave no usable answer', {
    host,
    port,
    path,
    reason,
  });
}

function tooLarge({ address: host, port, path, bodyMaxBytes }: HostRequest): GleipnirError {
  const details = { host, port, path, bodyMaxBytes };
  return new GleipnirError('HOST_ANSWER_INVALID', 'The answer of the host is too large', details);
}
