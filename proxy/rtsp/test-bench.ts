/** What the RTSP specs share: a scripted host, a client that talks as real ones do, rows, a listener between them. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { openRtspFrame, sealRtspFrame } from '../../core/protocol/rtsp/encryption.ts';
import { RtspReader } from '../../core/protocol/rtsp/reader.ts';
import { createSealer } from '../../core/runtime/seal.ts';
import { launchRow, sessionRow } from '../../core/session/contract.ts';
import { createMemoryTable } from '../../core/session/memory.ts';
import type { LaunchRecord, SessionRecord } from '../../core/session/record.ts';
import type { TableReader, TableWriter } from '../../core/session/table.ts';
import { RtspGate } from './gate.ts';
import type { RtspLimits } from './limits.ts';
import { createRtspServer, type RtspServerDeps } from './listener.ts';
import type { RefusalReason } from './refusals.ts';
import { Origins } from '../origin/origins.ts';

export const LOOPBACK = '127.0.0.1';
export const PUBLIC_PORTS = { control: 50_001, video: 50_002, audio: 50_003 };
/** What clients write at most into one TCP segment. */
const SEGMENT_BYTES = 536;

/** A host that answers what its script says, and remembers what it was asked. */
export interface ScriptedHost {
  port: number;
  /** Plain text of each request, in order. */
  requests: string[];
  /** Connections open now. */
  connections: () => number;
  stop: () => Promise<void>;
}

/** @param answer plain text of the reply, or `undefined` to close without one. @param key rikey of an encrypted host. */
export async function startHost(
  answer: (request: string) => string | undefined,
  key?: Uint8Array,
  options: { staysOpen: boolean } = { staysOpen: false },
): Promise<ScriptedHost> {
  const requests: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    track(socket, sockets);
    const reader = new RtspReader({ maxBytes: 65_536 });
    socket.on('data', (chunk) => {
      const reading = reader.push(chunk);
      if (reading.kind === 'incomplete') return;
      const sequence = reading.kind === 'encrypted' ? reading.frame.sequence : 0;
      const message =
        reading.kind === 'encrypted' && key !== undefined
          ? openRtspFrame(reading.frame, key, 'client')
          : reading.kind === 'plain' && key === undefined
            ? reading.message
            : undefined;
      const request = message === undefined ? 'unreadable' : Buffer.from(message).toString('latin1');
      requests.push(request);
      const reply = answer(request);
      if (reply === undefined) return void socket.end();
      const plain = Buffer.from(reply, 'latin1');
      socket.write(key === undefined ? plain : sealRtspFrame(plain, { key, sequence, sender: 'host' }));
      if (!options.staysOpen) socket.end();
    });
  });
  return serving(server, sockets, requests);
}

/** A TCP server that accepts and never says a word. */
export async function startSilentHost(): Promise<ScriptedHost> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    track(socket, sockets);
    socket.resume();
  });
  return serving(server, sockets, []);
}

function track(socket: Socket, sockets: Set<Socket>): void {
  sockets.add(socket);
  socket.on('error', () => undefined);
  socket.once('close', () => sockets.delete(socket));
}

async function serving(server: Server, sockets: Set<Socket>, requests: string[]): Promise<ScriptedHost> {
  server.listen(0, LOOPBACK);
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    connections: () => sockets.size,
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Sends one request on its own connection, in segments, and reads until the other side closes. */
export async function ask(
  port: number,
  request: string | Uint8Array,
  segmentBytes: number = SEGMENT_BYTES,
): Promise<Buffer> {
  const bytes = typeof request === 'string' ? Buffer.from(request, 'latin1') : request;
  const socket = connect({ port, host: LOOPBACK, noDelay: true });
  const received: Buffer[] = [];
  socket.on('data', (chunk) => received.push(chunk));
  socket.on('error', () => undefined);
  const closed = once(socket, 'close');
  await once(socket, 'connect');
  for (let at = 0; at < bytes.length && !socket.destroyed; at += segmentBytes) {
    socket.write(bytes.subarray(at, at + segmentBytes));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await closed;
  return Buffer.concat(received);
}

/** What differs from `sessionRow`. */
export type SessionOptions = Partial<Omit<SessionRecord, 'host'>> & {
  rikey?: Uint8Array;
  host?: Partial<HostRtsp> & { port: number };
  launch?: Partial<LaunchRecord>;
};
type HostRtsp = NonNullable<SessionRecord['host']>['rtsp'];

/** A listener with everything it stands on. */
export interface Bench {
  port: number;
  gate: RtspGate;
  /** Every log line, down to debug. */
  logged: string[];
  table: TableReader;
  sessions: TableWriter<'session'>;
  launches: TableWriter<'launch'>;
  streams: TableWriter<'stream'>;
  stop: () => Promise<void>;
  /** Puts a ready session and its launch row. */
  addSession: (options: SessionOptions) => Promise<SessionRecord>;
  /** How often `reason` was counted. */
  refused: (reason: RefusalReason) => Promise<number>;
}

/** Starts a listener on loopback over an empty memory table. @param beforeWrite delays the listener's own writes. */
export async function startBench(
  limits: Partial<RtspLimits> = {},
  config: Partial<RtspServerDeps['config']> = {},
  beforeWrite: () => Promise<unknown> = () => Promise.resolve(),
): Promise<Bench> {
  const { reader: table, claims, writer } = createMemoryTable();
  const streams = writer('stream');
  const sealer = createSealer(Buffer.alloc(32, 7));
  const register = new Registry();
  const logged: string[] = [];
  const log = pino({ level: 'debug' }, { write: (line: string) => logged.push(line) });
  const gate = new RtspGate({ claims, log });
  const server = createRtspServer({
    config: {
      bindAddress: LOOPBACK,
      port: 0,
      publicPorts: () => PUBLIC_PORTS,
      allowLoopback: true,
      limits,
      ...config,
    },
    table,
    claims,
    streams: { ...streams, put: (row) => beforeWrite().then(() => streams.put(row)) },
    sealer,
    gate,
    origins: new Origins(),
    log,
    register,
  });
  const port = await server.start();
  return {
    port,
    gate,
    logged,
    table,
    stop: server.stop,
    sessions: writer('session'),
    streams,
    launches: writer('launch'),
    addSession: async (options) => {
      const { rikey, host, launch, ...changes } = options;
      const row = sessionRow({ state: 'ready', client: { address: LOOPBACK }, ...changes });
      row.keys = { ...row.keys, rikey: sealer.seal(rikey ?? Buffer.alloc(16, 1)) };
      if (host !== undefined) {
        const { address = LOOPBACK, port, label = 'host-label', encrypted = false } = host;
        row.host = { name: 'host', rtsp: { address, port, label, encrypted } };
      }
      const { id, generation } = row;
      await writer('launch').put(launchRow({ id, generation, ...launch }));
      await writer('session').put(row);
      return row;
    },
    refused: async (reason) => {
      const metric = await register.getSingleMetric('gleipnir_proxy_rtsp_refused_total')?.get();
      return metric?.values.find(({ labels }) => labels['reason'] === reason)?.value ?? 0;
    },
  };
}
