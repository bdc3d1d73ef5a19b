/** The console's pages and its JSON API: what they read, nothing is changed here. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { renderClientsPage } from './clients-page.ts';
import type { Facts } from './facts.ts';
import { renderHostsPage } from './hosts-page.ts';
import type { PageModel } from './layout.ts';
import { MESSAGES, type Message } from './messages.ts';
import { renderPairingPage } from './pairing-page.ts';
import { renderSessionsPage } from './sessions-page.ts';

const PageQuery = z.object({
  message: z.enum(Object.keys(MESSAGES) as [Message, ...Message[]]).optional(),
});
const HTML_TYPE = 'text/html; charset=utf-8';

export interface PagesDeps {
  facts: Facts;
  /** What every page is told, by who asks for it. */
  modelOf: (request: FastifyRequest) => Omit<PageModel, 'message'>;
  /** Milliseconds since the epoch. */
  now: () => number;
}

export function registerPages(app: FastifyInstance, { facts, modelOf, now }: PagesDeps): void {
  const model = (request: FastifyRequest): PageModel => ({
    ...modelOf(request),
    message: messageOf(request),
  });

  app.get('/', async (request, reply) => {
    const { items } = await facts.clients();
    const persons = [...new Set(items.flatMap(({ person }) => person ?? []))].sort();
    const shown = { pending: facts.pending(), hosts: facts.hosts().items, persons, now: now() };
    return reply.type(HTML_TYPE).send(renderPairingPage(model(request), shown));
  });
  app.get('/clients', async (request, reply) =>
    reply.type(HTML_TYPE).send(renderClientsPage(model(request), await facts.clients())),
  );
  app.get('/hosts', (request, reply) =>
    reply.type(HTML_TYPE).send(renderHostsPage(model(request), facts.hosts())),
  );
  app.get('/sessions', async (request, reply) =>
    reply.type(HTML_TYPE).send(renderSessionsPage(model(request), await facts.sessions())),
  );

  app.get('/api/pairings', () => facts.pending());
  app.get('/api/clients', () => facts.clients());
  app.get('/api/hosts', () => facts.hosts());
  app.get('/api/sessions', () => facts.sessions());
}

/** The message that the URL names, if it names one. */
export function messageOf(request: FastifyRequest): Message | undefined {
  return PageQuery.safeParse(request.query).data?.message;
}
