/** GET /applist and /appasset: what the hosts together offer, and its box art. */
import { z } from 'zod';
import type { AppCatalog } from '../../core/host/catalog.ts';
import { writeApplist, writeXml } from '../../core/protocol/moonlight/xml.ts';
import type { PairedClients } from '../pairing/clients.ts';
import { XML_TYPE, type MoonlightServer } from './app.ts';
import { pairedClient } from './client.ts';

/** The `AssetType` and `AssetIdx` that clients send always mean box art. */
const AssetQuery = z.object({ appid: z.coerce.number().int() });

export interface AppsDeps {
  clients: PairedClients;
  catalog: Pick<AppCatalog, 'list' | 'asset'>;
}

export function registerApps(app: MoonlightServer, { clients, catalog }: AppsDeps): void {
  app.get('/applist', (request, reply) => {
    pairedClient(request, clients);
    return reply.type(XML_TYPE).send(writeApplist(catalog.list()));
  });

  app.get('/appasset', { schema: { querystring: AssetQuery } }, async (request, reply) => {
    pairedClient(request, clients);
    const asset = await catalog.asset(request.query.appid);
    // Clients read a body with HTTP 200 as the image, whatever it is.
    if (asset === undefined) return reply.code(404).type(XML_TYPE).send(writeXml(404, {}));
    return reply.type(asset.type).header('x-content-type-options', 'nosniff').send(Buffer.from(asset.bytes));
  });
}
