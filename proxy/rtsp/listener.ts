/**
 * The RTSP listener: TCP connections, one request each, with limits on number, size and time. Clients read until
 * the connection closes, so it is closed right behind the answer.
 */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { Registry } from 'prom-client';
import { RtspReader, type RtspReading } from '../../core/protocol/rtsp/reader.ts';
import { canonicalAddress } from '../../core/runtime/address.ts';
import { GleipnirError } from '../../core/runtime/errors.ts';
import type { Logger } from '../../core/runtime/log.ts';
import type { Sealer } from '../../core/runtime/seal.ts';
import type { TableClaims, TableReader, TableWriter } from '../../core/session/table.ts';
import { Door } from '../../core/runtime/door.ts';
import type { Origin, Origins } from '../origin/origins.ts';
import { conduct, type ConductDeps } from './conduct.ts';
import { ticketOf, type RtspGate } from './gate.ts';
import type { PublicPorts } from './handshake.ts';
import { FrameTrials, RTSP_LIMITS, type RtspLimits } from './limits.ts';
import { createRtspRefusalCounter, type RefusalReason } from './refusals.ts';
import { LiveSessions } from './sessions.ts';

export interface RtspServerDeps {
  config: {
    bindAddress: string;
    /** 0 lets the system choose. */
    port: number;
    /** The relay's UDP ports as clients reach them. */
    publicPorts: () => PublicPorts;
    /** Address that clients dial, where it is not one of this machine's. */
    externalAddress?: string;
    /** Whether hosts on loopback may be dialled. */
    allowLoopback: boolean;
    /** Departures from the standing limits. */
    limits?: Partial<RtspLimits>;
  };
  table: TableReader;
  claims: TableClaims;
  streams: TableWriter<'stream'>;
  sealer: Sealer;
  gate: RtspGate;
  /** Where connections come from. */
  origins: Origins;
  log: Logger;
  /** Gets `gleipnir_proxy_rtsp_refused_total`. */
  register: Registry;
  /** Milliseconds, for rates. Default: the machine's monotonic clock. */
  now?: () => number;
}

/** A running or stopped listener. */
export interface RtspServer {
  /** @returns the port. @throws GleipnirError PORT_UNAVAILABLE */
  start: () => Promise<number>;
  /** Closes every connection. Idempotent. */
  stop: () => Promise<void>;
}

/** Terminates clients' RTSP and conducts the handshake with their hosts. */
export function createRtspServer(deps: RtspServerDeps): RtspServer {
  const { config, table, claims, streams, sealer, gate, log, now = () => performance.now() } = deps;
  const limits = { ...RTSP_LIMITS, ...config.limits };
  const count = createRtspRefusalCounter(deps.register);
  const refused = (reason: RefusalReason) => {
    count(reason);
    log.debug({ reason }, 'rtsp turned away');
  };
  const forgetStream = (sessionId: string) => {
    streams.remove(sessionId).catch((err: unknown) => {
      log.warn({ sessionId, err }, 'stream row cannot be removed');
    });
  };
  const sessions = new LiveSessions({
    table,
    claims,
    sealer,
    onOver: (session) => {
      gate.leave(ticketOf(session));
    },
    onGone: forgetStream,
    log,
  });
  const { allowLoopback, publicPorts } = config;
  const { hostTimeoutMs } = limits;
  const trials = new FrameTrials(limits, now);
  const connections = new Connections({
    limits,
    now,
    origins: deps.origins,
    ownAddresses: config.externalAddress === undefined ? [] : [canonicalAddress(config.externalAddress)],
    conduct: {
      table,
      streams,
      sessions,
      trials,
      gate,
      publicPorts,
      allowLoopback,
      hostTimeoutMs,
      refused,
      log,
    },
  });
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    connections.accept(socket);
  });
  deps.origins.attend(server);
  return {
    start: async () => {
      const port = await listen(server, config);
      server.on('error', (err) => {
        log.error({ err }, 'rtsp connection not accepted');
      });
      await sessions.start();
      log.info({ address: config.bindAddress, port }, 'rtsp listening');
      return port;
    },
    stop: async () => {
      sessions.stop();
      connections.closeAll();
      if (!server.listening) return;
      server.close();
      await once(server, 'close');
    },
  };
}

async function listen(server: Server, { bindAddress, port }: RtspServerDeps['config']): Promise<number> {
  server.listen({ host: bindAddress, port, backlog: 512 });
  try {
    await once(server, 'listening');
  } catch (cause) {
    const details = { address: bindAddress, port };
    throw new GleipnirError('PORT_UNAVAILABLE', 'The RTSP port cannot be listened on', details, { cause });
  }
  return (server.address() as AddressInfo).port;
}

interface ConnectionsDeps {
  limits: RtspLimits;
  now: () => number;
  ownAddresses: readonly string[];
  origins: Origins;
  conduct: ConductDeps;
}

/** The open connections of one listener. */
class Connections {
  readonly #deps: ConnectionsDeps;
  readonly #door: Door;

  constructor(deps: ConnectionsDeps) {
    this.#deps = deps;
    const { limits, conduct, now } = deps;
    const isKnown = (source: string): boolean =>
      conduct.sessions.all().some(({ client }) => client.address === source);
    this.#door = new Door({ limits, isKnown, refused: conduct.refused, now });
  }

  accept(socket: Socket): void {
    const origin = this.#deps.origins.of(socket);
    socket.on('error', () => socket.destroy());
    if (this.#door.enter(socket, origin.source)) this.#read(socket, origin);
  }

  closeAll(): void {
    this.#door.closeAll();
  }

  #read(socket: Socket, from: Origin): void {
    const { limits, conduct } = this.#deps;
    const reader = new RtspReader({ maxBytes: limits.requestMaxBytes });
    const deadline = setTimeout(() => {
      conduct.refused('timedOut');
      socket.destroy();
    }, limits.readTimeoutMs);
    const onEnd = () => socket.destroy();
    const onData = (chunk: Buffer) => {
      const reading = reader.push(chunk);
      if (reading.kind === 'incomplete') return;
      clearTimeout(deadline);
      socket.off('data', onData);
      socket.off('end', onEnd);
      socket.resume();
      if (reading.kind === 'malformed') {
        conduct.refused('malformed');
        socket.destroy();
        return;
      }
      void this.#answer(socket, from, reading);
    };
    socket.on('data', onData);
    socket.on('end', onEnd);
    socket.once('close', () => {
      clearTimeout(deadline);
    });
  }

  async #answer(
    socket: Socket,
    { source, local }: Origin,
    reading: Exclude<RtspReading, { kind: 'incomplete' | 'malformed' }>,
  ): Promise<void> {
    const { limits, ownAddresses, conduct: conductDeps } = this.#deps;
    const gone = new AbortController();
    socket.once('close', () => {
      gone.abort();
    });
    const own = [local, ...ownAddresses];
    const origin = { source, ownAddresses: own };
    try {
      const bytes = await conduct({ reading, origin, signal: gone.signal }, conductDeps);
      if (bytes === undefined) socket.destroy();
      else this.#close(socket, bytes, limits.lingerMs);
    } catch (err) {
      conductDeps.refused('fault');
      conductDeps.log.error({ err }, 'rtsp request failed');
      socket.destroy();
    }
  }

  #close(socket: Socket, bytes: Uint8Array, lingerMs: number): void {
    const deadline = setTimeout(() => socket.destroy(), lingerMs);
    socket.once('close', () => {
      clearTimeout(deadline);
    });
    socket.end(bytes);
  }
}
