/**
 * A proxy as a part of its own, one of several alike: Moonlight's HTTP, HTTPS and RTSP, and the console. Everything
 * that a second proxy would need is in the session table or in objects.
 */
import { Counter, Registry } from 'prom-client';
import { createLocalHistory } from '../core/history/local.ts';
import { deriveProofKey } from '../core/protocol/proxy-protocol/proof.ts';
import { MOONLIGHT_PORTS } from '../core/protocol/moonlight/ports.ts';
import { canonicalAddress } from '../core/runtime/address.ts';
import { createHealthServer } from '../core/runtime/health-server.ts';
import type { Logger } from '../core/runtime/log.ts';
import { typedAddress } from '../core/runtime/reachable.ts';
import { createSealer, type Sealer } from '../core/runtime/seal.ts';
import { VERSION } from '../core/runtime/version.ts';
import type { RedisTable } from '../core/session/redis/table.ts';
import type { KubernetesClient } from '../core/store/kubernetes/client.ts';
import type { KubernetesStore } from '../core/store/kubernetes/store.ts';
import { Catalog } from './catalog.ts';
import { createMoonlightHttp } from './http/server.ts';
import type { HostIdentity } from './identity/identity.ts';
import { registerProxyMetrics } from './metrics.ts';
import { Origins } from './origin/origins.ts';
import { PairingExchanges } from './pairing/exchange.ts';
import { RtspGate } from './rtsp/gate.ts';
import { createRtspServer } from './rtsp/listener.ts';
import type { ProxyEnvironment } from './settings.ts';
import { createWebServer } from './web/server.ts';

export interface ProxyPartDeps {
  env: ProxyEnvironment;
  table: RedisTable;
  stores: { [K in 'App' | 'Pairing' | 'Session']: KubernetesStore<K> };
  client: KubernetesClient;
  deploymentKey: Uint8Array;
  identity: HostIdentity;
  register: Registry;
  log: Logger;
}

export interface ProxyPart {
  /** Resolves when table and objects are followed and everything listens. @throws GleipnirError PORT_UNAVAILABLE */
  start: () => Promise<void>;
  stop: () => Promise<void>;
}

/** What the listeners share. */
interface Shared extends ProxyPartDeps {
  sealer: Sealer;
  catalog: Catalog;
  gate: RtspGate;
  origins: Origins;
  exchanges: PairingExchanges;
}

export function createProxyPart(deps: ProxyPartDeps): ProxyPart {
  const { env, table, stores, client, log } = deps;
  const all = Object.values(stores);
  const shared = share(deps);
  let isListening = false;
  const health = createHealth(deps, () => isListening);
  const metrics = registerProxyMetrics({ register: deps.register, pairings: stores.Pairing });
  shared.exchanges.onEnd(metrics.onPairingEnd);
  const rtsp = createRtsp(shared);
  const http = createMoonlightHttp({
    ...shared,
    ...{ pairings: stores.Pairing, sessions: stores.Session },
    config: { ...publicSide(env), httpPort: env.PROXY_HTTP_PORT, httpsPort: env.PROXY_HTTPS_PORT },
    launchMetrics: metrics.launches,
    table: table.reader,
    launches: table.writer('launch'),
    log: log.child({ component: 'http' }),
  });
  const web = createWeb(shared);

  return {
    start: async () => {
      await health.start();
      await Promise.all([table.start(), ...all.map((store) => store.start())]);
      await shared.catalog.start();
      await rtsp.start();
      await http.start();
      await web.start();
      isListening = true;
      log.info({ name: env.PROXY_NAME }, 'proxy is up');
    },
    stop: async () => {
      isListening = false;
      await web.stop();
      await http.stop();
      await rtsp.stop();
      await shared.catalog.stop();
      await Promise.all(all.map((store) => store.stop()));
      await table.stop();
      client.close();
      await health.stop();
    },
  };
}

function share(deps: ProxyPartDeps): Shared {
  const { env, table, stores, identity, deploymentKey, register, log } = deps;
  const sealer = createSealer(deploymentKey);
  const { claims } = table;
  return {
    ...deps,
    sealer,
    catalog: new Catalog({ apps: stores.App, table: table.reader, sealer, log }),
    gate: new RtspGate({ claims, log: log.child({ component: 'gate' }) }),
    origins: createOrigins(env, deploymentKey, register),
    exchanges: new PairingExchanges({
      ...{ identity, claims, sealer, pairings: stores.Pairing },
      table: table.reader,
      exchanges: table.writer('exchange'),
      now: Date.now,
      log: log.child({ component: 'pairing' }),
    }),
  };
}

function createOrigins(env: ProxyEnvironment, deploymentKey: Uint8Array, register: Registry): Origins {
  const trusted = new Set(env.PROXY_TRUSTED_ADDRESSES.map(canonicalAddress));
  const refusals = new Counter({
    name: 'gleipnir_proxy_headers_refused_total',
    help: 'PROXY protocol headers that did not count, by reason.',
    labelNames: ['reason'] as const,
    registers: [register],
  });
  return new Origins({
    proofKey: deriveProofKey(deploymentKey),
    isTrusted: (address) => trusted.has(address),
    now: Date.now,
    refused: (reason) => {
      refusals.inc({ reason });
    },
  });
}

/** What every public listener needs to know of where clients find us. */
function publicSide(env: ProxyEnvironment): { bindAddress: string; externalAddress?: string } {
  const { PROXY_BIND_ADDRESS: bindAddress, PROXY_EXTERNAL_ADDRESS: externalAddress } = env;
  return externalAddress === undefined ? { bindAddress } : { bindAddress, externalAddress };
}

function createRtsp(shared: Shared): ReturnType<typeof createRtspServer> {
  const { env, table, log } = shared;
  const udp = {
    control: env.PROXY_CONTROL_PORT,
    video: env.PROXY_VIDEO_PORT,
    audio: env.PROXY_AUDIO_PORT,
  };
  return createRtspServer({
    ...shared,
    config: {
      ...publicSide(env),
      port: env.PROXY_RTSP_PORT,
      publicPorts: () => udp,
      allowLoopback: env.PROXY_ALLOW_LOOPBACK === 'yes',
    },
    table: table.reader,
    claims: table.claims,
    streams: table.writer('stream'),
    log: log.child({ component: 'rtsp' }),
  });
}

function createWeb(shared: Shared): ReturnType<typeof createWebServer> {
  const { env, table, stores, register, log } = shared;
  const { PROXY_EXTERNAL_ADDRESS: address, PROXY_WEB_PASSWORD_FILE: passwordFile } = env;
  const away =
    address === undefined ? null : typedAddress(address, env.PROXY_HTTP_PORT, MOONLIGHT_PORTS.http);
  return createWebServer({
    ...shared,
    ...{ pairings: stores.Pairing, sessions: stores.Session },
    config: {
      bindAddress: env.PROXY_WEB_ADDRESS,
      port: env.PROXY_WEB_PORT,
      hostNames: env.PROXY_WEB_HOST_NAMES,
      ...(passwordFile === undefined ? {} : { passwordFile }),
      trustedProxies: env.PROXY_WEB_TRUSTED_PROXIES,
      userHeader: env.PROXY_WEB_USER_HEADER,
      metricsAddresses: [],
    },
    hostname: env.PROXY_HOSTNAME,
    now: Date.now,
    health: () => ({ part: 'proxy', name: env.PROXY_NAME }),
    about: () => ({
      version: VERSION,
      addresses: away === null ? [] : [away],
      awayAddress: null,
      datapath: { engine: 'relays', reason: 'each relay says its own' },
    }),
    history: createLocalHistory({ directory: env.PROXY_HISTORY_DIR, now: Date.now }),
    table: table.reader,
    register,
    log: log.child({ component: 'web' }),
  });
}

function createHealth(
  { env, table, stores, register }: ProxyPartDeps,
  isListening: () => boolean,
): ReturnType<typeof createHealthServer> {
  return createHealthServer({
    bindAddress: env.HEALTH_ADDRESS,
    port: env.PROXY_HEALTH_PORT,
    health: () => ({ part: 'proxy', name: env.PROXY_NAME }),
    hindrances: () => [
      ...(table.stats.isFollowed ? [] : ['the session table']),
      ...(Object.values(stores).every((store) => store.isFollowed) ? [] : ['the Kubernetes API']),
      ...(isListening() ? [] : ['its ports']),
    ],
    register,
  });
}
