/**
 * The TCP front of a relay that runs apart from the proxies: it owns the public TCP ports and passes each connection
 * on to a proxy, as it is, behind a PROXY protocol header that says whose it is and proves that we say so. TLS stays
 * end to end between client and proxy.
 */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { Counter, Gauge, type Registry } from 'prom-client';
import { writeProvenHeader } from '../../core/protocol/proxy-protocol/proof.ts';
import { canonicalAddress } from '../../core/runtime/address.ts';
import { Door, DOOR_LIMITS } from '../../core/runtime/door.ts';
import { GleipnirError } from '../../core/runtime/errors.ts';
import type { Logger } from '../../core/runtime/log.ts';
import { passOn, type PassageDeps } from './passage.ts';
import { Proxies } from './proxies.ts';

/** What is passed on. */
const SERVICES = ['http', 'https', 'rtsp'] as const;
type Service = (typeof SERVICES)[number];

const LIMITS = { http: DOOR_LIMITS.http, https: DOOR_LIMITS.http, rtsp: DOOR_LIMITS.rtsp } as const;

export interface FrontConfig {
  bindAddress: string;
  /** Public ports; 0 lets the system choose. */
  ports: Record<Service, number>;
  proxies: {
    /** IP addresses or names. */
    names: readonly string[];
    /** Where every proxy serves. */
    ports: Record<Service, number>;
  };
}

export interface FrontDeps {
  config: FrontConfig;
  /** Of the proofs in PROXY headers, 32 bytes: `deriveProofKey`. */
  proofKey: Uint8Array;
  /** Whether a live session was launched from this canonical address; its connections have a part kept for them. */
  isKnown: (address: string) => boolean;
  log: Logger;
  register: Registry;
  /** Milliseconds since the epoch. */
  now: () => number;
}

export interface Front {
  /** @returns the bound ports. @throws GleipnirError PORT_UNAVAILABLE */
  start: () => Promise<Record<Service, number>>;
  /** Closes every connection at once. */
  stop: () => Promise<void>;
  /** Whether some proxy answers. */
  isServed: () => boolean;
}

/** Nothing is opened before `start`. */
export function createFront(deps: FrontDeps): Front {
  const { config, log, register } = deps;
  const proxies = new Proxies({ names: config.proxies.names, probePort: config.proxies.ports.rtsp, log });
  const turnedAway = registerMetrics(register, proxies);
  const passageways = SERVICES.map((service) => createPassageway(service, { ...deps, proxies, turnedAway }));

  return {
    start: async () => {
      await proxies.start();
      const ports = await Promise.all(passageways.map((passageway) => passageway.listen()));
      return Object.fromEntries(SERVICES.map((service, index) => [service, ports[index]])) as Record<
        Service,
        number
      >;
    },
    stop: async () => {
      proxies.stop();
      await Promise.all(passageways.map((passageway) => passageway.close()));
    },
    isServed: () => proxies.count().up > 0,
  };
}

type TurnedAway = Counter<'service' | 'reason'>;

function registerMetrics(register: Registry, proxies: Proxies): TurnedAway {
  new Gauge({
    name: 'gleipnir_relay_proxies',
    help: 'Proxies that the relay passes TCP connections to, by whether they take them.',
    labelNames: ['state'],
    registers: [register],
    collect() {
      const { all, up } = proxies.count();
      this.set({ state: 'up' }, up);
      this.set({ state: 'down' }, all - up);
    },
  });
  return new Counter({
    name: 'gleipnir_relay_tcp_refused_total',
    help: 'TCP connections that the relay did not pass on.',
    labelNames: ['service', 'reason'] as const,
    registers: [register],
  });
}

interface Passageway {
  listen: () => Promise<number>;
  close: () => Promise<void>;
}

interface PassagewayDeps extends FrontDeps {
  proxies: Proxies;
  turnedAway: TurnedAway;
}

function createPassageway(service: Service, deps: PassagewayDeps): Passageway {
  const { config, proxies, proofKey, isKnown, now, turnedAway } = deps;
  const door = new Door({
    limits: LIMITS[service],
    isKnown,
    refused: (reason) => {
      turnedAway.inc({ service, reason });
    },
    now,
  });
  const passage: PassageDeps = {
    proxies,
    port: config.proxies.ports[service],
    header: (connection) => writeProvenHeader(connection, proofKey, now()),
    unserved: () => {
      turnedAway.inc({ service, reason: 'noProxy' });
    },
  };
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    client.on('error', () => client.destroy());
    if (door.enter(client, canonicalAddress(client.remoteAddress ?? ''))) void passOn(client, passage);
  });
  return {
    listen: () => listen(server, config.bindAddress, config.ports[service]),
    close: async () => {
      door.closeAll();
      if (!server.listening) return;
      server.close();
      await once(server, 'close');
    },
  };
}

async function listen(server: Server, address: string, port: number): Promise<number> {
  server.listen({ host: address, port, backlog: 512 });
  try {
    await once(server, 'listening');
  } catch (cause) {
    throw new GleipnirError('PORT_UNAVAILABLE', 'A TCP port cannot be bound', { address, port }, { cause });
  }
  return (server.address() as AddressInfo).port;
}
