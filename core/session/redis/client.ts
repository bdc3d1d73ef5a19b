/** One client of `ioredis` for each form of Redis. It connects by itself, again and again, and queues nothing meanwhile. */
import { Cluster, Redis, type ClusterOptions, type RedisOptions } from 'ioredis';
import type { RedisAccess } from './config.ts';

export type Client = Redis | Cluster;

/** A server that takes longer to accept is as good as away, ms. */
const CONNECT_MS_MAX = 1_500;
/** Tries to reach it again come at most so far apart, ms. */
const RECONNECT_MS_MAX = 400;
/** How often a Cluster is asked which node has our slot, ms. */
const SLOTS_EVERY_MS = 5_000;

const reconnectAfterMs = (tries: number): number => Math.min(50 * tries, RECONNECT_MS_MAX);

const CLUSTER = {
  lazyConnect: true,
  enableOfflineQueue: false,
  clusterRetryStrategy: reconnectAfterMs,
  slotsRefreshTimeout: CONNECT_MS_MAX,
  slotsRefreshInterval: SLOTS_EVERY_MS,
  // Certificates name hosts; looked up here already, they would have to name addresses.
  dnsLookup: (name, callback) => {
    callback(null, name);
  },
} satisfies ClusterOptions;

/**
 * A client that waits for `connect`.
 *
 * @param connectionName what `CLIENT LIST` shows.
 */
export function createClient(access: RedisAccess, connectionName: string): Client {
  const { address, username, password, sentinelUsername, sentinelPassword, tls } = access;
  const options = {
    connectionName,
    disableClientInfo: true,
    lazyConnect: true,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    connectTimeout: CONNECT_MS_MAX,
    // What a demoted primary says.
    reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls === undefined ? {} : { tls }),
  } satisfies RedisOptions;

  if (address.form === 'cluster') return new Cluster(address.nodes, { ...CLUSTER, redisOptions: options });
  const retrying = { ...options, retryStrategy: reconnectAfterMs, db: address.db };
  if (address.form === 'standalone') return new Redis({ ...retrying, ...address.endpoint });
  return new Redis({
    ...retrying,
    sentinels: address.sentinels,
    name: address.name,
    sentinelRetryStrategy: reconnectAfterMs,
    sentinelCommandTimeout: CONNECT_MS_MAX,
    failoverDetector: true,
    ...(sentinelUsername === undefined ? {} : { sentinelUsername }),
    ...(sentinelPassword === undefined ? {} : { sentinelPassword }),
    ...(tls === undefined ? {} : { sentinelTLS: tls, enableTLSForSentinelMode: true }),
  });
}
