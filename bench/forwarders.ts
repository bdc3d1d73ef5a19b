/**
 * The forwarders under test, each in a process of its own: the relay as it is, and a bare one that recognises
 * nothing. Started by load.ts, and by vs/, with the name of the one to be.
 */
import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { Registry } from 'prom-client';
import { createLogger } from '../core/runtime/log.ts';
import { createSealer } from '../core/runtime/seal.ts';
import { createMemoryTable } from '../core/session/memory.ts';
import type { RelayConfig } from '../relay/config.ts';
import { createRelay, type Relay, type RelayStats } from '../relay/relay.ts';
import { cpuUs, serve } from './child.ts';
import { ON_LOOPBACK } from './relay-config.ts';
import { putSession } from './rows.ts';

const ADDRESS = '127.0.0.1';
/** As the relay's own sockets have it. */
const SOCKET_BUFFER_BYTES = 4 * 1024 * 1024;

const common = { cpuUs };

/** What the bare forwarder can be asked. */
export type BareCommands = typeof bareCommands;

let input: Socket | undefined;
/** Whom the next datagrams go to, in turn: as many as the flows that come in. */
let destinations: readonly Destination[] = [];

/** Where a datagram goes to. */
export interface Destination {
  address: string;
  port: number;
}

/** One socket in, one socket out; each datagram goes to the next destination, without a look at it. */
const bareCommands = {
  ...common,
  /**
   * @param addresses - of the two sockets; default: loopback
   * @returns the port that hosts send to.
   */
  open: async (addresses: { input: string; output: string } | undefined): Promise<number> => {
    const output = await bind(addresses?.output ?? ADDRESS);
    input = await bind(addresses?.input ?? ADDRESS);
    let next = 0;
    input.on('message', (datagram) => {
      next = next + 1 < destinations.length ? next + 1 : 0;
      const destination = destinations[next];
      if (destination !== undefined) output.send(datagram, destination.port, destination.address);
    });
    return input.address().port;
  },
  aim: (chosen: readonly Destination[]): void => {
    destinations = chosen;
  },
};

async function bind(address: string): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(0, address);
  await once(socket, 'listening');
  socket.setRecvBufferSize(SOCKET_BUFFER_BYTES);
  socket.setSendBufferSize(SOCKET_BUFFER_BYTES);
  return socket;
}

/** What the relay's process can be asked. */
export type RelayCommands = typeof relayCommands;

const sealer = createSealer(randomBytes(32));
const table = createMemoryTable();
let relay: Relay | undefined;

/** The sessions of a relay, one for each host port. */
export interface RelayOpening {
  hostPorts: readonly number[];
  /** Upstream slots that the sessions share. */
  slots: number;
  /** What differs from a relay on loopback. */
  config?: Partial<RelayConfig>;
  /** Default: loopback. */
  hostAddress?: string;
  upstreamAddress?: string;
  /** One for each host port. */
  clientAddresses?: readonly string[];
}

const relayCommands = {
  ...common,
  /** @returns the public video port. */
  open: async (opening: RelayOpening): Promise<number> => {
    const {
      hostPorts,
      slots,
      hostAddress = ADDRESS,
      upstreamAddress = ADDRESS,
      clientAddresses = [],
    } = opening;
    relay = createBenchRelay(opening.config ?? {});
    const { video } = await relay.start();
    for (const [index, hostVideoPort] of hostPorts.entries()) {
      const clientAddress = clientAddresses[index] ?? ADDRESS;
      const addresses = { hostAddress, upstreamAddress, clientAddress };
      await putSession(table, sealer, { index, slot: index % slots, hostVideoPort, ...addresses });
    }
    return video;
  },
  stats: (): RelayStats | undefined => relay?.stats(),
  /** What went nowhere since the start, by reason. */
  dropped: (): Readonly<Record<string, number>> => relay?.stats().counters.dropped ?? {},
};

function createBenchRelay(config: Partial<RelayConfig>): Relay {
  return createRelay({
    name: 'local',
    config: { ...ON_LOOPBACK, ...config },
    table: table.reader,
    flows: table.writer('flow'),
    sealer,
    log: createLogger('warn', process.stderr),
    register: new Registry(),
  });
}

if (process.argv[2] === 'bare') serve(bareCommands);
else serve(relayCommands);
