/**
 * A relay as a part of its own: the TCP front, and the UDP side, which acts while the public address is here. It
 * follows the session table in Redis, and goes on with what it knows while Redis is away.
 */
import { Registry } from 'prom-client';
import { deriveProofKey } from '../core/protocol/proxy-protocol/proof.ts';
import { createHealthServer, type HealthServer } from '../core/runtime/health-server.ts';
import type { Logger } from '../core/runtime/log.ts';
import { createSealer } from '../core/runtime/seal.ts';
import { TableFollower } from '../core/session/follow.ts';
import { readerOf } from '../core/session/followed.ts';
import { registerRedisMetrics } from '../core/session/redis/metrics.ts';
import type { RedisTable } from '../core/session/redis/table.ts';
import { datapathOf } from './datapath/settings.ts';
import { createFront, type Front } from './front/front.ts';
import { ActingRelay } from './ownership/acting-relay.ts';
import { createRelay, type Relay } from './relay.ts';
import type { RelayEnvironment } from './settings.ts';

/** What a relay needs to know of sessions, and what relays wrote of their flows. */
const KINDS = ['session', 'stream', 'flow'] as const;
type Follower = TableFollower<(typeof KINDS)[number]>;

export interface RelayPartDeps {
  env: RelayEnvironment;
  table: RedisTable;
  deploymentKey: Uint8Array;
  log: Logger;
}

export interface RelayPart {
  /** Resolves when the table was read and everything that this relay may hold is open. @throws GleipnirError PORT_UNAVAILABLE */
  start: () => Promise<void>;
  /** Streams go on where another relay takes them over. */
  stop: () => Promise<void>;
}

export function createRelayPart(deps: RelayPartDeps): RelayPart {
  const { env, table, log } = deps;
  const follower: Follower = new TableFollower({
    reader: table.reader,
    kinds: KINDS,
    onError: (err) => {
      log.error({ err }, 'session table cannot be followed');
    },
  });
  const register = new Registry();
  registerRedisMetrics(register, table.stats);
  const udp = createUdpSide(deps, follower);
  const front = createTcpFront(deps, follower, register);
  let isListening = false;
  const health = createHealth({ env, table, udp, front, register, isListening: () => isListening });

  return {
    start: async () => {
      await health.start();
      await table.start();
      await follower.start();
      await udp.start();
      await front.start();
      isListening = true;
      log.info({ name: env.RELAY_NAME }, 'relay is up');
    },
    stop: async () => {
      isListening = false;
      await front.stop();
      await udp.stop();
      follower.stop();
      await table.stop();
      await health.stop();
    },
  };
}

/** The UDP side, and the metrics of the relay that acts. */
interface UdpSide {
  start: () => Promise<void>;
  stop: () => Promise<void>;
  acting: () => Relay | undefined;
  isSettled: () => boolean;
  register: () => Registry;
}

function createUdpSide(deps: RelayPartDeps, follower: Follower): UdpSide {
  const { env, log } = deps;
  let register = new Registry();
  const create = (): Relay => {
    register = new Registry();
    return createOneRelay(deps, follower, register);
  };
  if (env.RELAY_PUBLIC_ADDRESS === undefined) {
    const relay = create();
    return {
      start: async () => {
        await relay.start();
      },
      stop: relay.stop,
      acting: () => relay,
      isSettled: () => true,
      register: () => register,
    };
  }
  const acting = new ActingRelay({ create, publicAddress: env.RELAY_PUBLIC_ADDRESS, log });
  return {
    start: () => {
      acting.start();
      return Promise.resolve();
    },
    stop: () => acting.stop(),
    acting: () => acting.acting(),
    isSettled: () => acting.isSettled(),
    register: () => register,
  };
}

function createOneRelay(
  { env, table, deploymentKey, log }: RelayPartDeps,
  follower: Follower,
  register: Registry,
): Relay {
  return createRelay({
    name: env.RELAY_PUBLIC_ADDRESS ?? env.RELAY_NAME,
    config: {
      // A wildcard would answer from whichever address of the machine routes best.
      bindAddress: env.RELAY_PUBLIC_ADDRESS ?? env.RELAY_BIND_ADDRESS,
      controlPort: env.RELAY_CONTROL_PORT,
      videoPort: env.RELAY_VIDEO_PORT,
      audioPort: env.RELAY_AUDIO_PORT,
      upstreamPortBase: env.RELAY_UPSTREAM_PORT_BASE,
      slotsMax: env.RELAY_SLOTS_MAX,
      allowLoopback: env.RELAY_ALLOW_LOOPBACK === 'yes',
      ...datapathOf(env),
    },
    table: readerOf(follower, KINDS),
    flows: table.writer('flow'),
    sealer: createSealer(deploymentKey),
    log,
    register,
  });
}

function createTcpFront(
  { env, deploymentKey, log }: RelayPartDeps,
  follower: Follower,
  register: Registry,
): Front {
  return createFront({
    config: {
      bindAddress: env.RELAY_BIND_ADDRESS,
      ports: { http: env.RELAY_HTTP_PORT, https: env.RELAY_HTTPS_PORT, rtsp: env.RELAY_RTSP_PORT },
      proxies: {
        names: env.RELAY_PROXIES,
        ports: {
          http: env.RELAY_PROXY_HTTP_PORT,
          https: env.RELAY_PROXY_HTTPS_PORT,
          rtsp: env.RELAY_PROXY_RTSP_PORT,
        },
      },
    },
    proofKey: deriveProofKey(deploymentKey),
    isKnown: (address) => [...follower.all('session')].some(({ client }) => client.address === address),
    log,
    register,
    now: Date.now,
  });
}

interface HealthDeps {
  env: RelayEnvironment;
  table: RedisTable;
  udp: UdpSide;
  front: Front;
  register: Registry;
  isListening: () => boolean;
}

function createHealth({ env, table, udp, front, register, isListening }: HealthDeps): HealthServer {
  return createHealthServer({
    bindAddress: env.HEALTH_ADDRESS,
    port: env.RELAY_HEALTH_PORT,
    health: () => {
      const datapath = udp.acting()?.stats().datapath;
      return { part: 'relay', name: env.RELAY_NAME, isActing: datapath !== undefined, datapath };
    },
    hindrances: () => [
      ...(table.stats.isFollowed ? [] : ['the session table']),
      ...(udp.isSettled() ? [] : ['the public UDP ports']),
      ...(isListening() ? [] : ['the public TCP ports']),
      ...(front.isServed() ? [] : ['a proxy']),
    ],
    register: {
      contentType: register.contentType,
      metrics: () => Registry.merge([register, udp.register()]).metrics(),
    },
  });
}
