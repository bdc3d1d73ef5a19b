/**
 * The appliance: proxy, relay and operator in one process, with static hosts, and table and objects in local files.
 * Stopping it ends no session: streams go on where it, or another on the same files, starts again within seconds.
 */
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { createLocalHistory } from '../core/history/local.ts';
import { MOONLIGHT_PORTS } from '../core/protocol/moonlight/ports.ts';
import type { Logger } from '../core/runtime/log.ts';
import { reachableAddresses, typedAddress } from '../core/runtime/reachable.ts';
import type { Sealer } from '../core/runtime/seal.ts';
import { VERSION } from '../core/runtime/version.ts';
import { createStoredTable, type StoredTable } from '../core/session/stored.ts';
import type { TableClaims, TableReader } from '../core/session/table.ts';
import { createLocalStore } from '../core/store/local.ts';
import type { ObjectStore } from '../core/store/object-store.ts';
import type { HostPool } from '../operator/hosts/pool.ts';
import { HostPublisher } from '../operator/hosts/publish.ts';
import { registerOperatorMetrics } from '../operator/metrics.ts';
import { createOperator } from '../operator/operator.ts';
import { Generations } from '../operator/sessions/generation.ts';
import { Slots } from '../operator/sessions/slots.ts';
import { Catalog } from '../proxy/catalog.ts';
import { Announcer } from '../proxy/discovery/announcer.ts';
import { createMoonlightHttp } from '../proxy/http/server.ts';
import { loadHostIdentity, type HostIdentity } from '../proxy/identity/identity.ts';
import { PairingExchanges } from '../proxy/pairing/exchange.ts';
import { registerProxyMetrics, type LaunchMetrics } from '../proxy/metrics.ts';
import { RtspGate } from '../proxy/rtsp/gate.ts';
import { Origins } from '../proxy/origin/origins.ts';
import { createRtspServer } from '../proxy/rtsp/listener.ts';
import { createWebServer } from '../proxy/web/server.ts';
import { createRelay, type Relay } from '../relay/relay.ts';
import type { ApplianceConfig } from './config.ts';

/** The demo host is on this very machine, and so may be any host of a hosts.yaml. */
const ALLOW_LOOPBACK = true;
/** Of its flow rows: there is one relay. */
const RELAY_NAME = 'local';

/** Ports as they were bound, for every listener. */
export type AppliancePorts = ApplianceConfig['ports'];

export interface Appliance {
  /**
   * Opens everything; what was opened is closed again when a part fails. Waits for no host.
   *
   * @throws GleipnirError PORT_UNAVAILABLE, FILE_UNUSABLE, IDENTITY_CORRUPT, OBJECT_CORRUPT, SEAL_BROKEN
   */
  start: () => Promise<AppliancePorts>;
  /** Resolves when each host was asked once, which takes seconds where one does not answer. */
  hostsAsked: () => Promise<void>;
  stop: () => Promise<void>;
  /** Its session table and its metrics, to be looked at; `undefined` before `start`. */
  inspect: () => { table: TableReader; claims: TableClaims; register: Registry } | undefined;
}

export interface ApplianceDeps {
  config: ApplianceConfig;
  sealer: Sealer;
  hosts: HostPool;
  log: Logger;
}

/** What the parts share. */
interface Shared extends ApplianceDeps {
  table: StoredTable;
  pairings: ObjectStore<'Pairing'>;
  sessions: ObjectStore<'Session'>;
  apps: ObjectStore<'App'>;
  users: ObjectStore<'User'>;
  catalog: Catalog;
  register: Registry;
  gate: RtspGate;
  origins: Origins;
}

/** Where a session's first request comes in and where its media will: known only once bound. */
interface Bound {
  rtsp: number;
  udp: { control: number; video: number; audio: number };
}

interface Part {
  stop: () => Promise<void>;
}

/** Wires one appliance; nothing is opened before `start`. */
export function createAppliance(deps: ApplianceDeps): Appliance {
  /** What was started, in order; stopped in the opposite order. */
  const started: Part[] = [];
  let shared: Shared | undefined;
  let hostsAsked = Promise.resolve();

  async function begin<P extends Part & { start: () => Promise<unknown> }>(
    part: P,
  ): Promise<Awaited<ReturnType<P['start']>>> {
    started.push(part);
    return (await part.start()) as Awaited<ReturnType<P['start']>>;
  }

  async function start(): Promise<AppliancePorts> {
    shared = await openStores(deps);
    started.push(shared.table);
    // Running streams wait for this one.
    const relay = createDataPath(shared);
    const udp = await begin(relay);
    // Nobody waits for these: a host that does not answer takes its time.
    started.push(deps.hosts);
    hostsAsked = deps.hosts.start();
    await begin(createPublisher(shared));
    const rtsp = await begin(createRtsp(shared, udp));
    const bound: Bound = { udp, rtsp };
    await begin(createControllers(shared, bound));
    const identity = await loadHostIdentity({
      directory: join(deps.config.dataDir, 'identity'),
      sealer: deps.sealer,
      hostname: deps.config.hostname,
    });
    const metrics = registerProxyMetrics(shared);
    registerOperatorMetrics(shared);
    const exchanges = new PairingExchanges({
      ...shared,
      identity,
      table: shared.table.reader,
      claims: shared.table.claims,
      exchanges: shared.table.writer('exchange'),
      now: Date.now,
    });
    exchanges.onEnd(metrics.onPairingEnd);
    await begin(shared.catalog);
    const http = await begin(createHttp(shared, { identity, exchanges, launchMetrics: metrics.launches }));
    const web = await begin(createWeb(shared, { exchanges, relay, httpPort: http.http }));
    if (deps.config.isAnnounced) await begin(createAnnouncer(shared, http.http));
    return { ...udp, ...http, rtsp, web };
  }

  async function stop(): Promise<void> {
    for (const part of started.splice(0).reverse()) await part.stop();
  }

  return {
    start: async () => {
      try {
        return await start();
      } catch (error) {
        await stop();
        throw error;
      }
    },
    stop,
    hostsAsked: () => hostsAsked,
    inspect: () =>
      shared && { table: shared.table.reader, claims: shared.table.claims, register: shared.register },
  };
}

async function openStores(deps: ApplianceDeps): Promise<Shared> {
  const objects = { directory: join(deps.config.dataDir, 'objects'), now: () => new Date() };
  const table = await createStoredTable({
    directory: join(deps.config.dataDir, 'table'),
    log: deps.log.child({ component: 'table' }),
  });
  const apps = await createLocalStore({ ...objects, kind: 'App' });
  const log = deps.log.child({ component: 'catalog' });
  return {
    ...deps,
    table,
    apps,
    catalog: new Catalog({ apps, table: table.reader, sealer: deps.sealer, log }),
    users: await createLocalStore({ ...objects, kind: 'User' }),
    pairings: await createLocalStore({ ...objects, kind: 'Pairing' }),
    sessions: await createLocalStore({ ...objects, kind: 'Session' }),
    register: new Registry(),
    origins: new Origins(),
    gate: new RtspGate({ claims: table.claims, log: deps.log.child({ component: 'gate' }) }),
  };
}

function createPublisher({ hosts, apps, table, sealer, log }: Shared): HostPublisher {
  return new HostPublisher({
    hosts,
    apps,
    table: table.reader,
    hostRows: table.writer('host'),
    artRows: table.writer('art'),
    sealer,
    log: log.child({ component: 'operator' }),
  });
}

function createDataPath({ config, table, sealer, log, register }: Shared): ReturnType<typeof createRelay> {
  const { bindAddress, ports, upstreamPortBase, slotsMax, datapath } = config;
  return createRelay({
    name: RELAY_NAME,
    config: {
      bindAddress,
      controlPort: ports.control,
      videoPort: ports.video,
      audioPort: ports.audio,
      upstreamPortBase,
      slotsMax,
      allowLoopback: ALLOW_LOOPBACK,
      ...datapath,
    },
    table: table.reader,
    flows: table.writer('flow'),
    sealer,
    log: log.child({ component: 'relay' }),
    register,
  });
}

function createRtsp(shared: Shared, udp: Bound['udp']): ReturnType<typeof createRtspServer> {
  const { config, table, sealer, gate, origins, log, register } = shared;
  return createRtspServer({
    config: {
      ...publicSide(config),
      port: config.ports.rtsp,
      publicPorts: () => udp,
      allowLoopback: ALLOW_LOOPBACK,
    },
    table: table.reader,
    claims: table.claims,
    streams: table.writer('stream'),
    sealer,
    gate,
    origins,
    log: log.child({ component: 'rtsp' }),
    register,
  });
}

function createControllers(shared: Shared, { rtsp }: Bound): ReturnType<typeof createOperator> {
  const { config, table, sealer, apps, users, sessions, pairings, hosts } = shared;
  const log = shared.log.child({ component: 'operator' });
  const rows = table.writer('session');
  const slots = new Slots({ claims: table.claims, slotsMax: config.slotsMax });
  const upstreamAddress = config.bindAddress.includes(':') ? '::' : '0.0.0.0';
  return createOperator({
    apps,
    users,
    sessions,
    pairings,
    hosts,
    table: table.reader,
    rows,
    generations: new Generations({ table: table.reader, rows, hosts, slots, sealer, log, upstreamAddress }),
    log,
    now: Date.now,
    rtspPort: () => rtsp,
    graceMs: config.graceMs,
  });
}

function createHttp(
  shared: Shared,
  pairing: { identity: HostIdentity; exchanges: PairingExchanges; launchMetrics: LaunchMetrics },
): ReturnType<typeof createMoonlightHttp> {
  const { config, table, sealer, pairings, sessions, gate, origins, catalog, log, register } = shared;
  return createMoonlightHttp({
    config: { ...publicSide(config), httpPort: config.ports.http, httpsPort: config.ports.https },
    ...pairing,
    pairings,
    sessions,
    table: table.reader,
    launches: table.writer('launch'),
    sealer,
    catalog,
    gate,
    origins,
    log: log.child({ component: 'http' }),
    register,
  });
}

function createAnnouncer({ config, log }: Shared, port: number): Announcer {
  const { hostname, bindAddress } = config;
  return new Announcer({ hostname, bindAddress, port, log: log.child({ component: 'discovery' }) });
}

/** What every public listener needs to know of where clients find us. */
function publicSide({
  bindAddress,
  externalAddress,
}: ApplianceConfig): Pick<ApplianceConfig, 'bindAddress' | 'externalAddress'> {
  return externalAddress === undefined ? { bindAddress } : { bindAddress, externalAddress };
}

function createWeb(
  shared: Shared,
  { exchanges, relay, httpPort }: { exchanges: PairingExchanges; relay: Relay; httpPort: number },
): ReturnType<typeof createWebServer> {
  const { config, table, users, pairings, sessions, catalog, register, log } = shared;
  const { bindAddress, externalAddress } = config;
  const datapath = (): { engine: string; reason: string } => {
    const { engine, reason } = relay.stats().datapath;
    return { engine, reason };
  };
  const typed = (address: string): string => typedAddress(address, httpPort, MOONLIGHT_PORTS.http);
  return createWebServer({
    config: { ...config.web, port: config.ports.web },
    hostname: config.hostname,
    now: Date.now,
    health: () => ({ datapath: datapath() }),
    about: () => ({
      version: VERSION,
      addresses: reachableAddresses(bindAddress, networkInterfaces()).map(typed),
      awayAddress: externalAddress === undefined ? null : typed(externalAddress),
      datapath: datapath(),
    }),
    history: createLocalHistory({ directory: join(config.dataDir, 'history'), now: Date.now }),
    exchanges,
    users,
    pairings,
    sessions,
    table: table.reader,
    catalog,
    register,
    log: log.child({ component: 'web' }),
  });
}
