/**
 * Moonlight's HTTP side: the two listeners, and which endpoint is served by which.
 *
 * HTTP serves only what a stranger may ask: /serverinfo, and /pair (/unpair is refused). HTTPS serves everything,
 * and looks for each request whether the certificate of its connection is paired.
 */
import type { Registry } from 'prom-client';
import type { AppCatalog } from '../../core/host/catalog.ts';
import type { ObjectStore } from '../../core/store/object-store.ts';
import type { LaunchMetrics } from '../metrics.ts';
import type { HostIdentity } from '../identity/identity.ts';
import type { Origins } from '../origin/origins.ts';
import { PairedClients } from '../pairing/clients.ts';
import type { PairingExchanges } from '../pairing/exchange.ts';
import { registerApps } from './apps.ts';
import { registerLaunch } from './launch.ts';
import { createHttpLimits, type HttpLimitSettings } from './limits.ts';
import { createListener } from './listener.ts';
import { registerPair, registerPairChallenge } from './pair.ts';
import type { PlayDeps } from './play.ts';
import { registerServerinfo } from './serverinfo.ts';

export interface MoonlightHttpConfig {
  bindAddress: string;
  /** 0 lets the system choose. */
  httpPort: number;
  httpsPort: number;
  /** Public address that clients may try when they are away from home. */
  externalAddress?: string;
  /** Departures from HTTP_LIMITS. */
  limits?: Partial<HttpLimitSettings>;
}

export interface MoonlightHttpDeps extends PlayDeps {
  config: MoonlightHttpConfig;
  identity: HostIdentity;
  pairings: ObjectStore<'Pairing'>;
  catalog: AppCatalog;
  exchanges: PairingExchanges;
  /** Where connections come from. */
  origins: Origins;
  launchMetrics: LaunchMetrics;
  /** Gets `gleipnir_proxy_http_refused_total`. */
  register: Registry;
}

export interface MoonlightHttp {
  /** @returns the bound ports. @throws GleipnirError PORT_UNAVAILABLE */
  start: () => Promise<{ http: number; https: number }>;
  /** Closes every connection at once; exchanges and launches under way end. Cannot be started again. */
  stop: () => Promise<void>;
}

export function createMoonlightHttp(deps: MoonlightHttpDeps): MoonlightHttp {
  const { config, identity, exchanges, launches, origins, log } = deps;
  const clients = new PairedClients(deps.pairings);
  const bound = { http: config.httpPort, https: config.httpsPort };
  const shared = { ...deps, clients, ports: () => bound, ...externalAddressOf(config) };
  const { bindAddress } = config;
  const limits = createHttpLimits({ register: deps.register, settings: config.limits ?? {} });
  const isPaired = (fingerprint: string) => clients.find(fingerprint) !== undefined;
  const tls = { ...identity, isPaired };
  const http = createListener({ bindAddress, port: config.httpPort, limits, origins, log });
  const https = createListener({ bindAddress, port: config.httpsPort, tls, limits, origins, log });

  registerServerinfo(http.app, shared, false);
  registerPair(http.app, { exchanges, identity, limits });
  registerServerinfo(https.app, shared, true);
  registerPairChallenge(https.app, clients);
  registerApps(https.app, shared);
  registerLaunch(https.app, shared);

  let unwatch: (() => void) | undefined;

  const stop = async () => {
    unwatch?.();
    await exchanges.stop();
    await Promise.all([http.stop(), https.stop()]);
    clients.stop();
  };

  return {
    start: async () => {
      await clients.start();
      await exchanges.start();
      // What a client asked is of no use after its session, whoever ended that.
      unwatch = deps.sessions.watch(({ type, object }) => {
        if (type !== 'deleted') return;
        launches.remove(object.metadata.name).catch((err: unknown) => {
          log.error({ sessionId: object.metadata.name, err }, 'launch row could not be removed');
        });
      });
      try {
        bound.http = await http.start();
        bound.https = await https.start();
      } catch (error) {
        await stop();
        throw error;
      }
      return { ...bound };
    },
    stop,
  };
}

function externalAddressOf({ externalAddress }: MoonlightHttpConfig): { externalAddress?: string } {
  return externalAddress === undefined ? {} : { externalAddress };
}
