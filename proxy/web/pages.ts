/** The console's pages and its JSON API: what they read, nothing is changed here. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { SAMPLE_S, type Samples, type Streams } from '../history/streams.ts';
import { registerArt } from './art.ts';
import type { Facts } from './facts.ts';
import { registerHistory, type HistoryRoutesDeps } from './history-routes.ts';
import type { PageModel } from './layout.ts';
import { MESSAGES, type Message } from './messages.ts';
import { overviewOf, type About } from './overview.ts';
import type { OverviewFacts } from './overview-page.ts';
import type { PairingPageFacts } from './pairing-page.ts';

const PageQuery = z.object({
  message: z.enum(Object.keys(MESSAGES) as [Message, ...Message[]]).optional(),
});
const HTML_TYPE = 'text/html; charset=utf-8';

const views = async () => import('./views.ts');

export interface PagesDeps extends Pick<HistoryRoutesDeps, 'history'> {
  facts: Facts;
  streams: Pick<Streams, 'samplesOf'>;
  about: () => About;
  /** What every page is told, by who asks for it. */
  modelOf: (request: FastifyRequest) => Omit<PageModel, 'message'>;
  /** Name of the User who asks, where one is known. */
  personOf: (request: FastifyRequest) => Promise<string | undefined>;
  /** Milliseconds since the epoch. */
  now: () => number;
}

export function registerPages(app: FastifyInstance, deps: PagesDeps): void {
  const { facts, streams, about, now } = deps;
  const model = (request: FastifyRequest): PageModel => ({
    ...deps.modelOf(request),
    message: messageOf(request),
  });
  const samplesOf = (id: string): Samples | undefined => streams.samplesOf(id);
  const persons = async (): Promise<string[]> => {
    const { items } = await facts.clients();
    return [...new Set(items.flatMap(({ person }) => person ?? []))].sort();
  };
  const pairing = async (request: FastifyRequest): Promise<PairingPageFacts> => ({
    pending: facts.pending(),
    hosts: facts.hosts().items,
    persons: await persons(),
    sender: await deps.personOf(request),
    now: now(),
  });
  const overview = async (): Promise<Omit<OverviewFacts, 'pairing' | 'samplesOf'>> => {
    const [hosts, sessions] = [facts.hosts(), await facts.sessions()];
    const seen = { pending: facts.pending().items, hosts: hosts.items, sessions: sessions.items };
    return { overview: overviewOf(about(), seen), hosts, sessions };
  };

  app.get('/', async (request, reply) => {
    const shown = { ...(await overview()), pairing: await pairing(request), samplesOf };
    const { renderOverviewPage } = await views();
    return reply.type(HTML_TYPE).send(await renderOverviewPage(model(request), shown));
  });
  app.get('/pairing', async (request, reply) => {
    const { renderPairingPage } = await views();
    return reply
      .type(HTML_TYPE)
      .send(await renderPairingPage(model(request), await pairing(request), about()));
  });
  app.get('/clients', async (request, reply) => {
    const { renderClientsPage } = await views();
    return reply.type(HTML_TYPE).send(renderClientsPage(model(request), await facts.clients()));
  });
  app.get('/hosts', async (request, reply) => {
    const { renderHostsPage } = await views();
    return reply.type(HTML_TYPE).send(renderHostsPage(model(request), facts.hosts(), facts.apps()));
  });
  app.get('/sessions', async (request, reply) => {
    const { renderSessionsPage } = await views();
    return reply.type(HTML_TYPE).send(renderSessionsPage(model(request), await facts.sessions(), samplesOf));
  });
  registerArt(app, facts);
  registerHistory(app, { history: deps.history, modelOf: model, persons });

  app.get('/api/overview', async () => (await overview()).overview);
  app.get('/api/pairings', () => facts.pending());
  app.get('/api/clients', () => facts.clients());
  app.get('/api/hosts', () => facts.hosts());
  app.get('/api/sessions', () => facts.sessions());
  app.get('/api/samples', async () => {
    const { items } = await facts.sessions();
    const sampled = items.map(({ id }) => ({ id, ...samplesOf(id) }));
    return { stepS: SAMPLE_S, items: sampled.filter((each) => 'bitrateBps' in each) };
  });
}

/** The message that the URL names, if it names one. */
export function messageOf(request: FastifyRequest): Message | undefined {
  return PageQuery.safeParse(request.query).data?.message;
}
