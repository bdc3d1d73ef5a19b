/**
 * The TCP half of the RTSP handshake: a new connection for each request, its reply is whatever comes until the
 * host closes. Source: moonlight-common-c `RtspConnection.c`.
 */
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { openRtspFrame, parseRtspFrame, sealRtspFrame } from '../../core/protocol/rtsp/encryption.ts';
import {
  formatRtspRequest,
  parseRtspResponse,
  type RtspRequest,
  type RtspResponse,
} from '../../core/protocol/rtsp/message.ts';
import { GleipnirError } from '../../core/runtime/errors.ts';
import { handshake, type HandshakeOptions, type Negotiated } from './handshake.ts';

const SEGMENT_BYTES = 536;
const REPLY_MAX_BYTES = 1024 * 1024;
const CONNECT_ATTEMPTS = 21;
const CONNECT_RETRY_MS = 500;
const SILENCE_MAX_MS = 15_000;

export interface RtspClientOptions extends HandshakeOptions {
  port: number;
  /** Local IP address to connect from. */
  localAddress?: string;
  /** rikey, if the host's URL says `rtspenc`. */
  key: Uint8Array | undefined;
  signal: AbortSignal;
}

/**
 * Runs the whole handshake.
 *
 * @throws GleipnirError HOST_REFUSED (also for replies that make no sense), HOST_UNREACHABLE.
 */
export async function performHandshake(options: RtspClientOptions): Promise<Negotiated> {
  const steps = handshake(options);
  let step = steps.next();
  for (let sequence = 1; step.done !== true; sequence++) {
    step = steps.next(await exchange(step.value, sequence, options));
  }
  return step.value;
}

async function exchange(
  request: RtspRequest,
  sequence: number,
  options: RtspClientOptions,
): Promise<RtspResponse> {
  const plain = formatRtspRequest(request);
  const { key } = options;
  const sent = key === undefined ? plain : sealRtspFrame(plain, { key, sequence, sender: 'client' });
  const received = await sendAndReceive(sent, options);
  const reply = parseRtspResponse(key === undefined ? received : open(received, key));
  if (reply === undefined) throw nonsense(request.method);
  return reply;
}

/** Empty, hence no reply, where the frame does not open: a plain-text reply is refused, too. */
function open(bytes: Uint8Array, key: Uint8Array): Uint8Array {
  const frame = parseRtspFrame(bytes);
  const opened = typeof frame === 'string' ? undefined : openRtspFrame(frame, key, 'host');
  return opened ?? new Uint8Array();
}

async function sendAndReceive(bytes: Uint8Array, options: RtspClientOptions): Promise<Uint8Array> {
  const socket = await connectPatiently(options);
  const abort = () => {
    socket.destroy(unreachable(options, 'aborted'));
  };
  options.signal.addEventListener('abort', abort, { once: true });
  try {
    for (let offset = 0; offset < bytes.length; offset += SEGMENT_BYTES) {
      socket.write(bytes.subarray(offset, offset + SEGMENT_BYTES));
    }
    return await readToEnd(socket, options);
  } finally {
    options.signal.removeEventListener('abort', abort);
    socket.destroy();
  }
}

/** A refused connection is tried again: the host may still be starting. */
async function connectPatiently(options: RtspClientOptions): Promise<Socket> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await connectOnce(options);
    } catch (error) {
      const { code = 'unknown' } = error as NodeJS.ErrnoException;
      const isFinal = code !== 'ECONNREFUSED' || attempt >= CONNECT_ATTEMPTS || options.signal.aborted;
      if (isFinal) throw error instanceof GleipnirError ? error : unreachable(options, code);
    }
    await sleep(CONNECT_RETRY_MS, undefined, { signal: options.signal }).catch(() => {
      throw unreachable(options, 'aborted');
    });
  }
}

function connectOnce({ address: host, port, localAddress }: RtspClientOptions): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      host,
      port,
      noDelay: true,
      ...(localAddress !== undefined && { localAddress }),
    });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
  });
}

function readToEnd(socket: Socket, options: RtspClientOptions): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    socket.setTimeout(SILENCE_MAX_MS, () => {
      socket.destroy(unreachable(options, 'silent'));
    });
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      size += chunk.length;
      if (size > REPLY_MAX_BYTES) socket.destroy(unreachable(options, 'too large'));
    });
    socket.on('end', () => {
      resolve(Buffer.concat(chunks));
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      reject(error instanceof GleipnirError ? error : unreachable(options, error.code ?? 'unknown'));
    });
    socket.on('close', () => {
      reject(unreachable(options, 'closed'));
    });
  });
}

function unreachable({ address, port }: RtspClientOptions, reason: string): GleipnirError {
  return new GleipnirError('HOST_UNREACHABLE', 'RTSP failed', { address, port, reason });
}

function nonsense(request: string): GleipnirError {
  return new GleipnirError('HOST_REFUSED', 'The RTSP reply makes no sense', { request });
}
