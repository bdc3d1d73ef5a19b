/**
 * The forwarders under test, each in a process of its own: the relay as it is, and a bare one that recognises
 * nothing. Started by load.ts with the name of the one to be.
 */
import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { Registry } from 'prom-client';
import { createLogger } from '../core/runtime/log.ts';
import { createSealer } from '../core/runtime/seal.ts';
import { createMemoryTable } from '../core/session/memory.ts';
import { createRelay } from '../relay/relay.ts';
import { cpuUs, serve } from './child.ts';
import { putSession } from './rows.ts';

const ADDRESS = '127.0.0.1';
/** As the relay's own sockets have it. */
const SOCKET_BUFFER_BYTES = 4 * 1024 * 1024;

const common = { cpuUs };

/** What the bare forwarder can be asked. */
export type BareCommands = typeof bareCommands;

let input: Socket | undefined;
/** Whom the next datagrams go to, in turn: as many as the flows that come in. */
let destinations: readonly number[] = [];

/** One socket in, one socket out; each datagram goes to the next destination, without a look at it. */
const bareCommands = {
  ...common,
  /** @returns the port that hosts send to. */
  open: async (): Promise<number> => {
    const output = await bind();
    input = await bind();
    let next = 0;
    input.on('message', (datagram) => {
      next = next + 1 < destinations.length ? next + 1 : 0;
      output.send(datagram, destinations[next] ?? 0, ADDRESS);
    });
    return input.address().port;
  },
  aim: (ports: readonly number[]): void => {
    destinations = ports;
  },
};

async function bind(): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(0, ADDRESS);
  await once(socket, 'listening');
  socket.setRecvBufferSize(SOCKET_BUFFER_BYTES);
  socket.setSendBufferSize(SOCKET_BUFFER_BYTES);
  return socket;
}

/** What the relay's process can be asked. */
export type RelayCommands = typeof relayCommands;

const sealer = createSealer(randomBytes(32));
const table = createMemoryTable();
const relay = createRelay({
  config: {
    bindAddress: ADDRESS,
    controlPort: 0,
    videoPort: 0,
    audioPort: 0,
    upstreamPortBase: 0,
    slotsMax: 1_000,
    allowLoopback: true,
  },
  table: table.reader,
  flows: table.writer('flow'),
  sealer,
  log: createLogger('warn', process.stderr),
  register: new Registry(),
});

const relayCommands = {
  ...common,
  /**
   * One session for each host port.
   *
   * @param options.slots - upstream slots that the sessions share
   * @returns the public video port.
   */
  open: async ({ hostPorts, slots }: { hostPorts: readonly number[]; slots: number }): Promise<number> => {
    const { video } = await relay.start();
    for (const [index, hostVideoPort] of hostPorts.entries()) {
      await putSession(table, sealer, { index, slot: index % slots, hostVideoPort });
    }
    return video;
  },
  /** What went nowhere since the start, by reason. */
  dropped: () => relay.stats().counters.dropped,
};

if (process.argv[2] === 'bare') serve(bareCommands);
else serve(relayCommands);
