/**
 * The kernel datapath engine: what hosts send to clients is forwarded by the program on the tcx hook once its leg is
 * established; everything else comes up to the sockets and goes through the userspace engine, which this one holds.
 *
 * Each established leg has one entry in the program's map. An entry whose leg changed is taken out, with its last
 * counts, before a new one is put in.
 */
import type { RemoteInfo } from 'node:dgram';
import { VIDEO_HEADERS_SIZE } from '../../../core/protocol/rtp/video.ts';
import { GleipnirError } from '../../../core/runtime/errors.ts';
import type { Logger } from '../../../core/runtime/log.ts';
import { legsOf, type Flow, type Leg, type UpstreamPort } from '../../flow/flow.ts';
import type { DatapathEngine, DatapathStats } from '../engine.ts';
import { UserspaceEngine, type UserspaceEngineDeps } from '../userspace.ts';
import type { BpfMap } from './bpf.ts';
import { beginCounts, resumeCounts, returnPosition, takeCounts, type CountsTarget } from './counts.ts';
import { createEntry, routeOf, type RouteEntry } from './entry.ts';
import { Inheritance } from './inheritance.ts';
import { ENTRY } from './layout.ts';
import type { Network } from './network.ts';
import type { AttachFailure, KernelProgram } from './program.ts';

/** How often counters and news are read: often enough for whoever looks at silence and rates. */
const COLLECT_MS = 200;
/** How long what an earlier process left may wait for its session. */
const INHERITANCE_MS = 5_000;
/** Legs looked at in one tick, after news of the network: about 20 µs each. */
const LEGS_A_TICK = 200;

export interface KernelEngineDeps extends UserspaceEngineDeps {
  log: Logger;
  network: Network;
  program: KernelProgram;
  reason: string;
  /** Names of veth devices of this network namespace behind which clients are, whose other end is no bridge port. */
  peerDevices: readonly string[];
  /** Of CLOCK_MONOTONIC. */
  monotonicNs: () => bigint;
}

/** The entry of a leg. */
interface Installed extends CountsTarget {
  id: number;
  map: BpfMap;
  key: Uint8Array;
  /** See `routeOf`. */
  route: string;
}

export class KernelEngine implements DatapathEngine {
  readonly #deps: KernelEngineDeps;
  readonly #sockets: UserspaceEngine;
  readonly #inheritance: Inheritance;
  /** Those of the relay's flow table, and bounded by it. */
  readonly #flows = new Set<Flow>();
  /** At most one for each leg, as the next two. */
  readonly #installed = new Map<Leg, Installed>();
  readonly #byID = new Map<number, Installed>();
  /** Legs to be looked at again: their sockets were not open yet, or the network changed. */
  readonly #due = new Set<Leg>();
  #devices: readonly string[] = [];
  #peerDevices: ReadonlySet<number> = new Set();
  #nextID: number;
  #collectDueMs = 0;
  #inheritanceEndsMs = 0;
  #isRunning = false;

  /** Attaches the program. @throws GleipnirError KERNEL_PATH_UNAVAILABLE */
  constructor(deps: KernelEngineDeps) {
    const { program } = deps;
    this.#deps = deps;
    this.#sockets = new UserspaceEngine({
      ...deps,
      measure: (leg, datagram) => {
        this.#measure(leg, datagram);
      },
    });
    this.#inheritance = new Inheritance(program.bpf, [program.routes4, program.routes6]);
    this.#nextID = this.#inheritance.highestID + 1;
    let failure: GleipnirError | undefined;
    this.#followDevices((error) => {
      if (error instanceof GleipnirError) failure ??= error;
    });
    if (this.#devices.length > 0) return;
    throw failure ?? new GleipnirError('KERNEL_PATH_UNAVAILABLE', 'There is no device to attach to');
  }

  /** Names of the devices that the program is attached to. */
  get devices(): readonly string[] {
    return this.#devices;
  }

  start(): void {
    this.#isRunning = true;
    this.#sockets.start();
    this.#inheritanceEndsMs = this.#deps.clock.nowMs + INHERITANCE_MS;
    for (const flow of this.#flows) this.#syncAll(flow);
  }

  /** What is pinned is forwarded on. */
  stop(): void {
    if (this.#isRunning) this.#readCounts();
    this.#isRunning = false;
    this.#sockets.stop();
    this.#installed.clear();
    this.#byID.clear();
    this.#deps.program.close();
    this.#deps.network.close();
  }

  upsert(flow: Flow): void {
    this.#sockets.upsert(flow);
    this.#flows.add(flow);
    this.#syncAll(flow);
  }

  remove(flow: Flow): void {
    this.#sockets.remove(flow);
    this.#flows.delete(flow);
    for (const leg of legsOf(flow)) {
      this.#takeOut(leg);
      this.#due.delete(leg);
    }
  }

  stats(): DatapathStats {
    const { reason } = this.#deps;
    return { engine: 'kernel', reason, routes: this.#sockets.stats().routes, inKernel: this.#installed.size };
  }

  readonly receive = (port: UpstreamPort, datagram: Buffer, source: RemoteInfo): void => {
    this.#sockets.receive(port, datagram, source);
  };

  collect(): void {
    const { clock } = this.#deps;
    if (!this.#isRunning) return;
    if (clock.nowMs >= this.#collectDueMs) {
      this.#collectDueMs = clock.nowMs + COLLECT_MS;
      this.#readCounts();
      this.#followNetwork();
      if (clock.nowMs >= this.#inheritanceEndsMs) this.#endInheritance();
    }
    let left = LEGS_A_TICK;
    for (const leg of this.#due) {
      if (left === 0) return;
      left -= 1;
      this.#sync(leg);
    }
  }

  #readCounts(): void {
    if (this.#byID.size === 0) return;
    const { bpf, routes4, routes6 } = this.#deps.program;
    for (const map of [routes4, routes6]) {
      bpf.forEach(map, (value) => {
        const installed = this.#byID.get(value.getUint32(ENTRY.id, true));
        if (installed !== undefined) takeCounts(this.#deps, installed, value);
      });
    }
  }

  #followNetwork(): void {
    if (!this.#deps.network.hasChanged()) return;
    this.#followDevices((err, ifindex) => {
      this.#deps.log.warn({ err, ifindex }, 'kernel program cannot be attached to a device');
    });
    for (const flow of this.#flows) for (const leg of legsOf(flow)) this.#due.add(leg);
  }

  #followDevices(onFailure: AttachFailure): void {
    const { network, program, peerDevices } = this.#deps;
    const present = network.listDevices();
    this.#devices = program.attach(present, onFailure);
    const peers = present.filter(({ name }) => peerDevices.includes(name));
    this.#peerDevices = new Set(peers.map(({ ifindex }) => ifindex));
  }

  #endInheritance(): void {
    this.#inheritanceEndsMs = Infinity;
    for (const leg of this.#inheritance.end()) this.#due.add(leg);
    try {
      this.#deps.program.removeOthers();
    } catch (err) {
      this.#deps.log.warn({ err }, 'what another version pinned cannot be removed');
    }
  }

  #syncAll(flow: Flow): void {
    if (!this.#isRunning) return;
    for (const leg of legsOf(flow)) this.#sync(leg);
  }

  /** Makes the kernel's entry of this leg what the leg is now. */
  #sync(leg: Leg): void {
    const isKnown = leg.hostPort !== 0 && leg.clientPort !== 0;
    const isWanted = leg.isEstablished || (!this.#installed.has(leg) && !this.#inheritance.isEmpty);
    const isOpen = leg.upstream.udp.local !== undefined && leg.downstream.local !== undefined;
    if (!isKnown || !isWanted || isOpen) this.#due.delete(leg);
    else this.#due.add(leg);
    const entry = isKnown && isWanted && isOpen ? this.#createEntry(leg) : undefined;
    if (entry === undefined) this.#takeOut(leg);
    else if (this.#installed.get(leg)?.route !== routeOf(entry.key, entry.value)) this.#replace(leg, entry);
  }

  /** What only sockets can forward, for want of a route, stays with them. */
  #createEntry(leg: Leg): RouteEntry | undefined {
    return createEntry({ network: this.#deps.network, peerDevices: this.#peerDevices }, leg);
  }

  #replace(leg: Leg, entry: RouteEntry): void {
    this.#takeOut(leg);
    const claim = this.#inheritance.claim(leg, entry);
    if (claim.kind === 'same') this.#takeUp(leg, entry, claim.value);
    else if (claim.kind === 'none' && leg.isEstablished) this.#install(leg, entry);
  }

  /** The entry stands and forwards: nothing of this leg need be seen by the sockets first. */
  #takeUp(leg: Leg, entry: RouteEntry, value: DataView): void {
    leg.isEstablished = true;
    this.#note(leg, entry, { id: value.getUint32(ENTRY.id, true), counted: resumeCounts(leg, value) });
  }

  /** A map that is full leaves the leg to the sockets. */
  #install(leg: Leg, entry: RouteEntry): void {
    const { program } = this.#deps;
    const id = this.#nextID;
    const counted = beginCounts(this.#deps, leg, entry.value);
    new DataView(entry.value.buffer).setUint32(ENTRY.id, id, true);
    if (!program.bpf.update(this.#mapOf(entry), entry.key, entry.value)) return;
    this.#nextID = (id + 1) >>> 0;
    this.#note(leg, entry, { id, counted });
  }

  #note(leg: Leg, entry: RouteEntry, { id, counted }: Pick<Installed, 'id' | 'counted'>): void {
    const sent = this.#deps.counters.toClient[leg.stream];
    const map = this.#mapOf(entry);
    const installed = { leg, id, map, key: entry.key, route: routeOf(entry.key, entry.value), counted, sent };
    this.#installed.set(leg, installed);
    this.#byID.set(id, installed);
  }

  #mapOf({ isIPv4 }: RouteEntry): BpfMap {
    const { routes4, routes6 } = this.#deps.program;
    return isIPv4 ? routes4 : routes6;
  }

  #takeOut(leg: Leg): void {
    const installed = this.#installed.get(leg);
    if (installed === undefined) return;
    this.#installed.delete(leg);
    this.#byID.delete(installed.id);
    const { map, key, id } = installed;
    const { bpf } = this.#deps.program;
    const bytes = bpf.takeOut(map, key);
    if (bytes === undefined) return;
    const value = new DataView(bytes.buffer);
    if (value.getUint32(ENTRY.id, true) === id) {
      takeCounts(this.#deps, installed, value);
      returnPosition(this.#deps, leg, value);
    } else {
      // A newer flow of that host has the place.
      bpf.update(map, key, bytes);
    }
  }

  /** A datagram that came up although the kernel forwards this leg is one that the program misses in the sequence. */
  #measure(leg: Leg, datagram: Uint8Array): void {
    if (!this.#installed.has(leg)) leg.reception?.take(datagram, this.#deps.clock);
    else if (leg.reception !== undefined && datagram.length >= VIDEO_HEADERS_SIZE)
      leg.reception.datagrams += 1;
  }
}
