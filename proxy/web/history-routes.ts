/** The history as a page, as CSV and as JSON. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Readable } from 'node:stream';
import { z } from 'zod';
import type { HistoryEvent } from '../../core/history/event.ts';
import type { History } from '../../core/history/history.ts';
import { GleipnirError } from '../../core/runtime/errors.ts';
import type { PageModel } from './layout.ts';

/** Events on one page. */
export const PAGE_EVENTS = 100;
const HistoryQuery = z.object({
  person: z.string().trim().max(100).catch(''),
  page: z.coerce.number().int().min(1).max(10_000).catch(1),
});
/** One for each field of an event, the figures of its quality last. */
const COLUMNS = [
  ...(['at', 'kind', 'person', 'client', 'app', 'host', 'address', 'reason', 'since', 'sessionId'] as const),
  ...(['streamedS', 'bitrateBps', 'jitterMs', 'rttMs', 'videoLost', 'videoDatagrams', 'fecReports'] as const),
];

export interface HistoryRoutesDeps {
  history: Pick<History, 'read'>;
  modelOf: (request: FastifyRequest) => PageModel;
  persons: () => Promise<string[]>;
}

export function registerHistory(
  app: FastifyInstance,
  { history, modelOf, persons }: HistoryRoutesDeps,
): void {
  const eventsFor = (request: FastifyRequest): AsyncIterable<HistoryEvent> =>
    eventsOf(history, queryOf(request).person);

  app.get('/history', async (request, reply) => {
    const { person, page } = queryOf(request);
    const shown = await pageOf(eventsOf(history, person), page).catch(whileAway);
    const facts = { ...shown, person, page, persons: await persons() };
    const { renderHistoryPage } = await import('./views.ts');
    if (shown.events === undefined) reply.code(503);
    return reply.type('text/html; charset=utf-8').send(renderHistoryPage(modelOf(request), facts));
  });

  app.get('/api/history', (request, reply) =>
    sendFile(reply, 'application/json; charset=utf-8', Readable.from(jsonOf(eventsFor(request)))),
  );

  app.get('/history.csv', async (request, reply) => {
    const { stringify } = await import('csv-stringify');
    // Names come from clients and hosts: no spreadsheet may take one for a formula.
    const csv = stringify({
      header: true,
      columns: COLUMNS,
      escape_formulas: true,
      record_delimiter: 'windows',
    });
    const rows = Readable.from(rowsOf(eventsFor(request)));
    rows.on('error', (error) => csv.destroy(error));
    const name = 'attachment; filename="gleipnir-history.csv"';
    return sendFile(reply.header('content-disposition', name), 'text/csv; charset=utf-8', rows.pipe(csv));
  });
}

function queryOf(request: FastifyRequest): z.output<typeof HistoryQuery> {
  return HistoryQuery.parse(request.query);
}

function sendFile(reply: FastifyReply, type: string, content: Readable): FastifyReply {
  return reply.type(type).send(content);
}

/** Those of a person, or of a client that is a person of its own; everybody's for ''. */
async function* eventsOf({ read }: Pick<History, 'read'>, person: string): AsyncGenerator<HistoryEvent> {
  const wanted = person.toLowerCase();
  for await (const event of read()) {
    const whose = event.person ?? event.client ?? '';
    if (wanted === '' || whose.toLowerCase() === wanted) yield event;
  }
}

async function pageOf(
  events: AsyncIterable<HistoryEvent>,
  page: number,
): Promise<{ events: HistoryEvent[]; hasOlder: boolean }> {
  const first = (page - 1) * PAGE_EVENTS;
  const found: HistoryEvent[] = [];
  let index = 0;
  for await (const event of events) {
    if (found.length === PAGE_EVENTS) return { events: found, hasOlder: true };
    if (index >= first) found.push(event);
    index += 1;
  }
  return { events: found, hasOlder: false };
}

/** The page says in words that the store is away. */
function whileAway(error: unknown): { events: undefined; hasOlder: false } {
  if (error instanceof GleipnirError && error.code === 'TABLE_UNAVAILABLE')
    return { events: undefined, hasOlder: false };
  throw error;
}

/** Written as it is read: a month of events is never in memory at once. */
async function* jsonOf(events: AsyncIterable<HistoryEvent>): AsyncGenerator<string> {
  let separator = '{"items":[';
  for await (const event of events) {
    yield separator + JSON.stringify(event);
    separator = ',\n';
  }
  yield separator.startsWith('{') ? `${separator}]}` : ']}';
}

async function* rowsOf(events: AsyncIterable<HistoryEvent>): AsyncGenerator<Record<string, unknown>> {
  for await (const { quality, ...event } of events) yield { ...event, ...quality };
}
