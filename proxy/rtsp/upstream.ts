/** One RTSP request to a host and its reply: a TCP connection of its own, plain or encrypted, with limits. */
import { connect } from 'node:net';
import {
  openRtspFrame,
  parseRtspFrame,
  rtspFrameSize,
  sealRtspFrame,
} from '../../core/protocol/rtsp/encryption.ts';
import {
  formatRtspRequest,
  parseHead,
  parseRtspResponse,
  readContentLength,
  type RtspRequest,
  type RtspResponse,
} from '../../core/protocol/rtsp/message.ts';

/** Largest reply read, bytes; real ones are below 2 kB. */
const REPLY_MAX_BYTES = 64 * 1024;
const HEAD_END = '\r\n\r\n';

/** Where the request goes and how. */
export interface Upstream {
  address: string;
  port: number;
  /** Source address; `undefined` lets the kernel choose. */
  localAddress: string | undefined;
  /** For a host that said `rtspenc`: rikey, 16 bytes, and a sequence number never used under it. */
  encryption: { key: Uint8Array; sequence: number } | undefined;
  /** For connecting, asking and the whole reply. */
  timeoutMs: number;
  /** Gives up, as after a time-out. */
  signal: AbortSignal;
}

/** The host's reply, or why there is none. */
export type UpstreamOutcome =
  | { kind: 'reply'; reply: RtspResponse }
  | { kind: 'failed'; reason: 'hostUnreachable' | 'hostTimedOut' | 'hostMalformed' };

/** Asks the host. Never rejects. */
export async function askHost(request: RtspRequest, upstream: Upstream): Promise<UpstreamOutcome> {
  const plain = formatRtspRequest(request);
  const { encryption } = upstream;
  const bytes = encryption === undefined ? plain : sealRtspFrame(plain, { ...encryption, sender: 'client' });
  const received = await exchange(bytes, upstream);
  if (typeof received === 'string') return { kind: 'failed', reason: received };

  const message = encryption === undefined ? received : openReply(received, encryption.key);
  const reply = message === undefined ? undefined : parseRtspResponse(message);
  return reply === undefined ? { kind: 'failed', reason: 'hostMalformed' } : { kind: 'reply', reply };
}

/** Sends `bytes` and reads until the host closes, or the reply says that it is complete. */
function exchange(
  bytes: Uint8Array,
  upstream: Upstream,
): Promise<Buffer | 'hostUnreachable' | 'hostTimedOut' | 'hostMalformed'> {
  const { address, port, localAddress, encryption, timeoutMs, signal } = upstream;
  return new Promise((resolve) => {
    let received = Buffer.alloc(0);
    const options = { host: address, port, noDelay: true };
    const socket = connect(localAddress === undefined ? options : { ...options, localAddress });
    const deadline = setTimeout(() => {
      finish('hostTimedOut');
    }, timeoutMs);
    const onAbort = () => {
      finish('hostTimedOut');
    };
    const finish = (outcome: Parameters<typeof resolve>[0]) => {
      clearTimeout(deadline);
      signal.removeEventListener('abort', onAbort);
      socket.destroy();
      resolve(outcome);
    };
    signal.addEventListener('abort', onAbort);
    socket.on('connect', () => socket.write(bytes));
    socket.on('error', () => {
      finish('hostUnreachable');
    });
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (received.length > REPLY_MAX_BYTES) finish('hostMalformed');
      const size = encryption === undefined ? plainSize(received) : frameSize(received);
      if (size !== undefined && received.length >= size) finish(received.subarray(0, size));
    });
    socket.on('end', () => {
      finish(received.length === 0 ? 'hostUnreachable' : received);
    });
    if (signal.aborted) onAbort();
  });
}

/** Bytes of the whole reply when its head is complete and has a `Content-length`. */
function plainSize(received: Buffer): number | undefined {
  const headSize = received.indexOf(HEAD_END);
  if (headSize < 0) return undefined;
  const headers = parseHead(received.toString('latin1', 0, headSize))?.headers;
  if (headers?.some(([name]) => name.toLowerCase() === 'content-length') !== true) return undefined;
  const length = readContentLength(headers);
  return length === undefined ? undefined : headSize + HEAD_END.length + length;
}

function frameSize(received: Buffer): number | undefined {
  const size = rtspFrameSize(received);
  return typeof size === 'number' ? size : undefined;
}

function openReply(bytes: Buffer, key: Uint8Array): Uint8Array | undefined {
  const frame = parseRtspFrame(bytes);
  return typeof frame === 'string' ? undefined : openRtspFrame(frame, key, 'host');
}
