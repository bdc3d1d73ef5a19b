/**
 * The TCP front of a relay that runs apart from the proxies: it owns the public TCP ports and passes each connection
 * on to a proxy, as it is, behind a PROXY protocol header that says whose it is and proves that we say so. TLS stays
 * end to end between client and proxy.
 */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { Counter, Gauge, type Registry } from 'prom-client';
import { writeProvenHeader } from '../../core/protocol/proxy-protocol/proof.ts';
import { canonicalAddress } from '../../core/runtime/address.ts';
import { ConnectionCount } from '../../core/runtime/connection-count.ts';
import { GleipnirError } from '../../core/runtime/errors.ts';
import type { Logger } from '../../core/runtime/log.ts';
import { SourceLimiter } from '../../core/runtime/token-bucket.ts';
import { FRONT_LIMITS, SERVICES, type FrontLimits, type Service } from './limits.ts';
import { passOn, type PassageDeps } from './passage.ts';
import { Proxies } from './proxies.ts';

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
  const doors = SERVICES.map((service) => createDoor(service, { ...deps, proxies, turnedAway }));

  return {
    start: async () => {
      await proxies.start();
      const ports = await Promise.all(doors.map((door) => door.listen()));
      return Object.fromEntries(SERVICES.map((service, index) => [service, ports[index]])) as Record<
        Service,
        number
      >;
    },
    stop: async () => {
      proxies.stop();
      await Promise.all(doors.map((door) => door.close()));
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

interface Door {
  listen: () => Promise<number>;
  close: () => Promise<void>;
}

interface DoorDeps extends FrontDeps {
  proxies: Proxies;
  turnedAway: TurnedAway;
}

function createDoor(service: Service, deps: DoorDeps): Door {
  const { config, proxies, proofKey, now, turnedAway } = deps;
  const admission = new Admission(FRONT_LIMITS[service], deps);
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
    const refusal = admission.enter(client);
    if (refusal === undefined) {
      void passOn(client, passage);
      return;
    }
    turnedAway.inc({ service, reason: refusal });
    client.destroy();
  });
  return {
    listen: () => listen(server, config.bindAddress, config.ports[service]),
    close: async () => {
      admission.closeAll();
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

/** Who may come in, and who is inside. */
class Admission {
  readonly #isKnown: (address: string) => boolean;
  readonly #now: () => number;
  readonly #count: ConnectionCount;
  readonly #rate: SourceLimiter;
  /** At most `connections.max`, as the count says. */
  readonly #open = new Set<Socket>();

  constructor({ connections, rates }: FrontLimits, { isKnown, now }: Pick<FrontDeps, 'isKnown' | 'now'>) {
    this.#isKnown = isKnown;
    this.#now = now;
    this.#count = new ConnectionCount(connections);
    this.#rate = new SourceLimiter(rates);
  }

  /** Counts a connection in until it closes. @returns why not. */
  enter(client: Socket): 'connectionsLimited' | 'tooManyConnections' | undefined {
    const address = canonicalAddress(client.remoteAddress ?? '');
    const isKnown = (): boolean => this.#isKnown(address);
    if (!this.#rate.take(address, this.#now(), isKnown)) return 'connectionsLimited';
    if (!this.#count.admit(address, isKnown)) return 'tooManyConnections';
    this.#open.add(client);
    client.once('close', () => {
      this.#open.delete(client);
      this.#count.release(address);
    });
    return undefined;
  }

  closeAll(): void {
    for (const client of this.#open) client.destroy();
  }
}
