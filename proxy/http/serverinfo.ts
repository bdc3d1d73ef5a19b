/** GET /serverinfo: how a Moonlight client learns who this host is, what it can, and whether it is paired. */
import type { AppCatalog } from '../../core/host/catalog.ts';
import type { ObjectStore } from '../../core/store/object-store.ts';
import { writeXml } from '../../core/protocol/moonlight/xml.ts';
import type { HostIdentity } from '../identity/identity.ts';
import type { PairedClients } from '../pairing/clients.ts';
import { XML_TYPE, type MoonlightServer } from './app.ts';
import { pairedClient } from './client.ts';
import { liveSessionOf } from './live-session.ts';

/** Sunshine-like (negative fourth number): RTSP over TCP, encrypted control, 8-byte frame header. */
const APP_VERSION = '7.1.431.-1';
/** What clients check their compatibility with. */
const GFE_VERSION = '3.23.0.74';

export interface ServerinfoDeps {
  identity: Pick<HostIdentity, 'hostname' | 'uniqueid' | 'mac'>;
  catalog: Pick<AppCatalog, 'codecModes' | 'maxLumaPixelsHEVC'>;
  clients: PairedClients;
  sessions: Pick<ObjectStore<'Session'>, 'list'>;
  /** The ports that are really bound. */
  ports: () => { http: number; https: number };
  /** Public address, where it is known: clients try it when they are away from home. */
  externalAddress?: string;
}

/**
 * Over HTTPS only for paired clients (others get NOT_PAIRED, and then ask over HTTP). Over HTTP nobody is known,
 * so every client reads that it is not paired and that nothing runs.
 */
export function registerServerinfo(app: MoonlightServer, deps: ServerinfoDeps, isSecure: boolean): void {
  const { identity, catalog, externalAddress } = deps;
  app.get('/serverinfo', async (request, reply) => {
    const pairing = isSecure ? pairedClient(request, deps.clients) : undefined;
    const session = pairing && (await liveSessionOf(deps.sessions, pairing));
    const ports = deps.ports();
    return reply.type(XML_TYPE).send(
      writeXml(200, {
        hostname: identity.hostname,
        appversion: APP_VERSION,
        GfeVersion: GFE_VERSION,
        uniqueid: identity.uniqueid,
        MaxLumaPixelsHEVC: catalog.maxLumaPixelsHEVC(),
        ServerCodecModeSupport: catalog.codecModes(),
        HttpsPort: ports.https,
        ExternalPort: ports.http,
        mac: identity.mac,
        LocalIP: request.origin.local,
        ...(externalAddress === undefined ? {} : { ExternalIP: externalAddress }),
        PairStatus: pairing === undefined ? 0 : 1,
        currentgame: session === undefined ? 0 : session.spec.gameReference.name,
        state: session === undefined ? 'SUNSHINE_SERVER_FREE' : 'SUNSHINE_SERVER_BUSY',
      }),
    );
  });
}
