/**
 * The userspace datapath engine: `node:dgram`, runs anywhere, needs no privilege.
 *
 * `receive` runs for every datagram of every host. It allocates nothing, logs nothing, awaits nothing and throws
 * nothing; node:dgram's own cost per datagram is the floor.
 */
import type { RemoteInfo } from 'node:dgram';
import type { CoarseClock } from '../clock/clock.ts';
import { needsAttention } from '../control/messages.ts';
import type { Counters } from '../counts/counters.ts';
import { legsOf, type Flow, type Leg, type UpstreamPort } from '../flow/flow.ts';
import { DATAGRAM_SIZE_MAX } from '../ports/udp-port.ts';
import type { DatapathEngine, DatapathStats } from './engine.ts';

export interface UserspaceEngineDeps {
  clock: CoarseClock;
  counters: Counters;
  /** The relay's rules for a datagram of a known host that cannot be forwarded without a look. */
  attend: (leg: Leg, datagram: Uint8Array) => void;
  /** Takes a datagram into the quality of its stream. Default: as one of all that come. */
  measure?: (leg: Leg, datagram: Uint8Array) => void;
  /** Why this engine was chosen. */
  reason?: string;
}

interface Route {
  address: string;
  port: number;
}

export class UserspaceEngine implements DatapathEngine {
  readonly #deps: UserspaceEngineDeps;
  /** Where each leg is indexed; at most three for each flow. */
  readonly #routes = new Map<Leg, Route>();
  readonly #measure: (leg: Leg, datagram: Uint8Array) => void;
  #isRunning = false;

  constructor(deps: UserspaceEngineDeps) {
    this.#deps = deps;
    const { clock } = deps;
    this.#measure =
      deps.measure ??
      ((leg, datagram) => {
        leg.reception?.take(datagram, clock);
      });
  }

  start(): void {
    this.#isRunning = true;
  }

  stop(): void {
    this.#isRunning = false;
  }

  upsert(flow: Flow): void {
    for (const leg of legsOf(flow)) {
      const route = this.#routes.get(leg);
      if (route?.address === leg.hostAddress && route.port === leg.hostPort) continue;
      if (route !== undefined) this.#unroute(leg, route);
      if (leg.hostPort !== 0) this.#route(leg);
    }
  }

  remove(flow: Flow): void {
    for (const leg of legsOf(flow)) {
      const route = this.#routes.get(leg);
      if (route !== undefined) this.#unroute(leg, route);
    }
  }

  stats(): DatapathStats {
    const { reason = 'configured' } = this.#deps;
    return { engine: 'userspace', reason, routes: this.#routes.size, inKernel: 0 };
  }

  /** Everything is counted where it happens. */
  collect(): void {
    return;
  }

  /** Takes a datagram that came to `port` of a slot. */
  readonly receive = (port: UpstreamPort, datagram: Buffer, source: RemoteInfo): void => {
    const { clock, counters, attend } = this.#deps;
    const leg = port.legs.get(source.address)?.get(source.port);
    if (leg === undefined || !this.#isRunning) {
      counters.dropped.foreignHost += 1;
      return;
    }
    const size = datagram.length;
    if (size === 0 || size > DATAGRAM_SIZE_MAX) {
      counters.dropped.badSize += 1;
      return;
    }
    leg.hostSeenMs = clock.nowMs;
    this.#measure(leg, datagram);
    if (!leg.isEstablished || (leg.stream === 'control' && needsAttention(datagram))) {
      attend(leg, datagram);
      return;
    }
    if (!leg.downstream.send(datagram, leg.clientPort, leg.clientAddress)) {
      counters.dropped.notSent += 1;
      return;
    }
    leg.datagrams += 1;
    leg.bytes += size;
  };

  #route(leg: Leg): void {
    const { hostAddress: address, hostPort: port } = leg;
    const { legs } = leg.upstream;
    const ports = legs.get(address) ?? new Map<number, Leg>();
    legs.set(address, ports.set(port, leg));
    this.#routes.set(leg, { address, port });
  }

  /** A newer flow may have taken the place over: its route stays. */
  #unroute(leg: Leg, { address, port }: Route): void {
    const { legs } = leg.upstream;
    this.#routes.delete(leg);
    const ports = legs.get(address);
    if (ports?.get(port) !== leg) return;
    ports.delete(port);
    if (ports.size === 0) legs.delete(address);
  }
}
