/**
 * An operator as a part of its own: one of several, of which one leads. The leader keeps watch over the static hosts,
 * makes them known, and starts and ends sessions; the others wait. One that led and leads no more ends its process, so
 * that nothing of what it knew lives on.
 */
import { Gauge, Registry } from 'prom-client';
import { createIdentityStore } from '../core/host/identities.ts';
import { createHealthServer, type HealthServer } from '../core/runtime/health-server.ts';
import type { Logger } from '../core/runtime/log.ts';
import { createSealer } from '../core/runtime/seal.ts';
import type { RedisTable } from '../core/session/redis/table.ts';
import { createKubernetesLease } from '../core/store/kubernetes/lease.ts';
import type { KubernetesObjects } from '../core/store/kubernetes/objects.ts';
import { createSecretDocuments } from '../core/store/kubernetes/secrets.ts';
import type { HostDriver } from '../core/host/types.ts';
import { createDrivers } from './hosts/drivers.ts';
import type { HostsFile } from './hosts/hosts-file.ts';
import { HostPool } from './hosts/pool.ts';
import { HostPublisher } from './hosts/publish.ts';
import type { HostSpec } from './hosts/types.ts';
import { Election } from './leader/election.ts';
import { createRequireLead, guardStore, guardWriter, type RequireLead } from './leader/guard.ts';
import { registerOperatorMetrics } from './metrics.ts';
import { createOperator, type Operator } from './operator.ts';
import { Generations } from './sessions/generation.ts';
import { Slots } from './sessions/slots.ts';
import type { OperatorEnvironment } from './settings.ts';

/** Of the Lease, for all operators of a namespace. */
const LEASE_NAME = 'gleipnir-operator';
/** Of the Secrets with who we are at hosts. */
const IDENTITY_PREFIX = 'gleipnir-host-identity-';

export interface OperatorPartDeps extends KubernetesObjects {
  env: OperatorEnvironment;
  hostsFile: HostsFile;
  table: RedisTable;
  deploymentKey: Uint8Array;
  register: Registry;
  log: Logger;
  /** Called when it led and leads no more, or cannot do what a leader must. */
  onUnfit: (error: Error) => void;
}

export interface OperatorPart {
  /** Resolves when table and objects are followed and it takes part in the election. @throws GleipnirError PORT_UNAVAILABLE */
  start: () => Promise<void>;
  /** Gives the lead away, if it has it. */
  stop: () => Promise<void>;
  /** Whether it leads now: what it put in the table is its own to keep. */
  isLeading: () => boolean;
}

export function createOperatorPart(deps: OperatorPartDeps): OperatorPart {
  const { env, table, stores, client, namespace, register, log, onUnfit } = deps;
  /** What the leader runs, in the order in which it began. */
  const leading: { stop: () => Promise<void> }[] = [];
  let work = Promise.resolve();
  const election = new Election({
    leases: createKubernetesLease({ client, namespace, name: LEASE_NAME, now: () => new Date() }),
    identity: env.OPERATOR_NAME,
    onElected: () => {
      work = lead().catch(onUnfit);
    },
    onLost: () => {
      onUnfit(new Error('this operator leads no more'));
    },
    log,
  });
  const requireLead = createRequireLead(() => election.isLeading());
  const health = createHealth(deps, election);
  const all = Object.values(stores);

  async function lead(): Promise<void> {
    const { hosts, publisher, operator } = createLeader(deps, requireLead);
    registerOperatorMetrics({ register, sessions: stores.Session, hosts });
    leading.push(hosts);
    await hosts.start();
    for (const part of [publisher, operator]) {
      leading.push(part);
      await part.start();
    }
  }

  return {
    start: async () => {
      await health.start();
      await Promise.all([table.start(), ...all.map((store) => store.start())]);
      election.start();
      log.info({ name: env.OPERATOR_NAME }, 'operator is up');
    },
    stop: async () => {
      await work;
      for (const part of leading.splice(0).reverse()) await part.stop();
      await election.stop();
      await Promise.all(all.map((store) => store.stop()));
      await table.stop();
      client.close();
      await health.stop();
    },
    isLeading: () => election.isLeading(),
  };
}

interface Leader {
  hosts: HostPool;
  publisher: HostPublisher;
  operator: Operator;
}

/** Everything that writes does so as the leader, or not at all. */
function createLeader(deps: OperatorPartDeps, requireLead: RequireLead): Leader {
  const { env, hostsFile, table, stores, log } = deps;
  const sealer = createSealer(deps.deploymentKey);
  const hosts = new HostPool({ ...hostsFile, driverOf: driversOf(deps, requireLead), log });
  const rows = guardWriter(table.writer('session'), requireLead);
  const slots = new Slots({ claims: table.claims, slotsMax: env.OPERATOR_SLOTS_MAX });
  const { reader } = table;
  const upstreamAddress = env.OPERATOR_UPSTREAM_ADDRESS;
  const apps = guardStore(stores.App, requireLead);
  const publisher = new HostPublisher({
    hosts,
    apps,
    table: reader,
    hostRows: guardWriter(table.writer('host'), requireLead),
    artRows: guardWriter(table.writer('art'), requireLead),
    sealer,
    log,
  });
  const operator = createOperator({
    sessions: guardStore(stores.Session, requireLead),
    apps,
    users: guardStore(stores.User, requireLead),
    pairings: guardStore(stores.Pairing, requireLead),
    hosts,
    table: reader,
    rows,
    generations: new Generations({ table: reader, rows, hosts, slots, sealer, log, upstreamAddress }),
    log,
    now: Date.now,
    rtspPort: () => env.OPERATOR_RTSP_PORT,
    graceMs: env.OPERATOR_GRACE_MS,
    launchesGoOn: true,
  });
  return { hosts, publisher, operator };
}

function driversOf(
  { client, namespace, deploymentKey, log }: OperatorPartDeps,
  requireLead: RequireLead,
): (host: HostSpec, identityKey: string) => Promise<HostDriver> {
  const identities = createIdentityStore({
    documents: createSecretDocuments({ client, namespace, prefix: IDENTITY_PREFIX }),
    sealer: createSealer(deploymentKey),
  });
  const drivers = createDrivers(identities, log);
  return async (host, identityKey) => {
    requireLead();
    return drivers(host, identityKey);
  };
}

function createHealth({ env, table, stores, register }: OperatorPartDeps, election: Election): HealthServer {
  new Gauge({
    name: 'gleipnir_operator_leading',
    help: 'Whether this operator leads.',
    registers: [register],
    collect() {
      this.set(election.isLeading() ? 1 : 0);
    },
  });
  return createHealthServer({
    bindAddress: env.HEALTH_ADDRESS,
    port: env.OPERATOR_HEALTH_PORT,
    health: () => ({
      part: 'operator',
      name: env.OPERATOR_NAME,
      isLeading: election.isLeading(),
      leader: election.leader(),
    }),
    hindrances: () => [
      ...(table.stats.isFollowed ? [] : ['the session table']),
      ...Object.values(stores)
        .flatMap((store) => (store.isFollowed ? [] : ['the Kubernetes API']))
        .slice(0, 1),
    ],
    register,
  });
}
