/** TCP of the simulated host's RTSP: one connection per request, closed after the reply. */
import { createServer, type Server, type Socket } from 'node:net';
import { canonicalAddress } from '../../core/runtime/address.ts';
import type { Logger } from '../../core/runtime/log.ts';
import { openRtspFrame, sealRtspFrame, type RtspFrame } from '../../core/protocol/rtsp/encryption.ts';
import { formatRtspResponse, parseRtspRequest, type RtspRequest } from '../../core/protocol/rtsp/message.ts';
import { RtspReader } from '../../core/protocol/rtsp/reader.ts';
import { answerRequest, answerStranger, identifyRequest, type RtspHost } from './rtsp-handshake.ts';
import type { Found, Sessions } from './sessions.ts';
import { closeServer, listen, type ListenAddress } from './listen.ts';

const REQUEST_BYTES_MAX = 16 * 1024;
const REQUEST_TIMEOUT_MS = 2500;
const CONNECTIONS_MAX = 256;

export interface RtspServerDeps extends ListenAddress {
  host: () => RtspHost;
  sessions: Sessions;
  log: Logger;
}

/** Listens from `start` to `stop`. */
export class RtspServer {
  readonly #deps: RtspServerDeps;
  readonly #server: Server;
  /** At most CONNECTIONS_MAX. */
  readonly #sockets = new Set<Socket>();

  constructor(deps: RtspServerDeps) {
    this.#deps = deps;
    this.#server = createServer((socket) => {
      this.#serve(socket);
    });
    this.#server.maxConnections = CONNECTIONS_MAX;
  }

  /** @returns the port that was bound. @throws GleipnirError PORT_UNAVAILABLE */
  start(): Promise<number> {
    return listen(this.#server, this.#deps);
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await closeServer(this.#server);
  }

  #serve(socket: Socket): void {
    const reader = new RtspReader({ maxBytes: REQUEST_BYTES_MAX });
    const address = canonicalAddress(socket.remoteAddress ?? '');
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    socket.setTimeout(REQUEST_TIMEOUT_MS, () => {
      socket.destroy();
    });
    socket.on('close', () => {
      this.#sockets.delete(socket);
    });
    // A client that went away; 'close' follows.
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      const reading = reader.push(chunk);
      if (reading.kind === 'incomplete') return;
      socket.removeAllListeners('data');
      const reply = reading.kind === 'malformed' ? undefined : this.#reply(reading, address);
      if (reply === undefined) socket.destroy();
      else socket.end(reply);
    });
  }

  /** `undefined`: close without a word. */
  #reply(
    reading: { kind: 'plain'; message: Uint8Array } | { kind: 'encrypted'; frame: RtspFrame },
    address: string,
  ): Uint8Array | undefined {
    if (reading.kind === 'encrypted') return this.#replyEncrypted(reading.frame);
    const request = parseRtspRequest(reading.message);
    if (request === undefined) return undefined;
    const { habits } = this.#deps.host();
    const candidates = this.#streams(false);
    const found = identifyRequest(request, candidates, { address, habits });
    // Wolf closes without an answer.
    if (found === undefined && habits.constantSession) return undefined;
    return this.#answer(request, found);
  }

  #replyEncrypted(frame: RtspFrame): Uint8Array | undefined {
    for (const found of this.#streams(true)) {
      const key = found.stream.request.query.rikey;
      const plain = openRtspFrame(frame, key, 'client');
      if (plain === undefined) continue;
      const request = parseRtspRequest(plain);
      if (request === undefined) return undefined;
      const reply = this.#answer(request, found);
      return sealRtspFrame(reply, { key, sequence: frame.sequence, sender: 'host' });
    }
    return undefined;
  }

  #streams(isEncrypted: boolean): Found[] {
    return this.#deps.sessions
      .streams()
      .filter(({ stream }) => stream.request.isRtspEncrypted === isEncrypted && !stream.isEnded);
  }

  #answer(request: RtspRequest, found: Found | undefined): Uint8Array {
    const response =
      found === undefined ? answerStranger(request) : answerRequest(request, found.stream, this.#deps.host());
    this.#deps.log.debug({ method: request.method, status: response.status }, 'rtsp request');
    return formatRtspResponse(response);
  }
}
