/** GET /launch, /resume and /cancel: a client's game from its start to its end. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { AppCatalog } from '../../core/host/catalog.ts';
import { parseLaunchQuery } from '../../core/protocol/moonlight/launch-query.ts';
import { writeXml } from '../../core/protocol/moonlight/xml.ts';
import { GleipnirError } from '../../core/runtime/errors.ts';
import type { LaunchMetrics } from '../metrics.ts';
import type { PairedClients } from '../pairing/clients.ts';
import { Turns } from '../turns.ts';
import { XML_TYPE, type MoonlightServer } from './app.ts';
import { awaitRowGone } from './await-session.ts';
import { leftSignal } from './client-left.ts';
import { pairedClient } from './client.ts';
import { GameFailed } from './game-failed.ts';
import { isLive, liveSessionOf, sessionsOf } from './live-session.ts';
import {
  awaitGame,
  resumeGame,
  startGame,
  turnOf,
  type Asked,
  type PlayContext,
  type PlayDeps,
  type Wish,
} from './play.ts';

/** How long /cancel waits for the host to be free again, ms. */
const CANCEL_WAIT_MS = 5_000;

const Query = z.record(z.string(), z.unknown());

export interface LaunchDeps extends PlayDeps {
  clients: PairedClients;
  catalog: Pick<AppCatalog, 'list'>;
  launchMetrics: LaunchMetrics;
}

type LaunchContext = LaunchDeps & PlayContext;

export function registerLaunch(app: MoonlightServer, launchDeps: LaunchDeps): void {
  const deps: LaunchContext = { ...launchDeps, turns: new Turns() };

  app.get('/launch', { schema: { querystring: Query } }, async (request, reply) => {
    const wish = readWish(request, reply);
    const sessionUrl0 = await play('launch', wish, () => launch(deps, wish));
    return reply.type(XML_TYPE).send(writeXml(200, { sessionUrl0, gamesession: 1 }));
  });

  app.get('/resume', { schema: { querystring: Query } }, async (request, reply) => {
    const wish = readWish(request, reply);
    const sessionUrl0 = await play('resume', wish, () => resume(deps, wish));
    return reply.type(XML_TYPE).send(writeXml(200, { sessionUrl0, resume: 1 }));
  });

  app.get('/cancel', async (request, reply) => {
    const own = await sessionsOf(deps.sessions, pairedClient(request, deps.clients));
    await Promise.all(own.map(({ metadata }) => end(deps, metadata.name)));
    return reply.type(XML_TYPE).send(writeXml(200, { cancel: 1 }));
  });

  function readWish(
    request: FastifyRequest<{ Querystring: z.output<typeof Query> }>,
    reply: FastifyReply,
  ): Wish {
    const pairing = pairedClient(request, deps.clients);
    const query = parseLaunchQuery(request.query);
    if (query === undefined) {
      throw new GleipnirError('REQUEST_INVALID', 'A parameter of the request is wrong or missing');
    }
    return { pairing, query, address: request.origin.source, left: leftSignal(reply) };
  }

  /** Asks in turn with this person's other devices, then waits for the game, out of turn. */
  function play(verb: 'launch' | 'resume', wish: Wish, ask: () => Promise<Asked>): Promise<string> {
    return deps.launchMetrics.measure(verb, async () => {
      const asked = await deps.turns.run(turnOf(wish), () => {
        wish.left.throwIfAborted();
        return ask();
      });
      return awaitGame(deps, wish, asked);
    });
  }
}

/** A launch of the game that runs already returns to it, as other hosts do. */
async function launch(deps: LaunchContext, wish: Wish): Promise<Asked> {
  const { appId } = wish.query;
  const session = await liveSessionOf(deps.sessions, wish.pairing);
  if (session?.spec.gameReference.name === String(appId)) return resumeGame(deps, wish, session);
  if (!deps.catalog.list().some(({ id }) => id === appId)) {
    throw new GleipnirError('APP_NOT_FOUND', 'This app does not exist (any more)', { appId });
  }
  if (session !== undefined) {
    throw new GleipnirError('APP_RUNNING', 'Another app is still running: quit it first', { appId });
  }
  return startGame(deps, wish);
}

async function resume(deps: LaunchContext, wish: Wish): Promise<Asked> {
  const own = await sessionsOf(deps.sessions, wish.pairing);
  const session = own.findLast(isLive);
  if (session !== undefined) return resumeGame(deps, wish, session);
  // What has just ended says why.
  const status = own.at(-1)?.status;
  if (status?.message !== undefined) throw new GameFailed(status);
  throw new GleipnirError('SESSION_NOT_FOUND', 'This game runs no more: start it again');
}

async function end({ sessions, table, log }: LaunchDeps, id: string): Promise<void> {
  log.info({ sessionId: id }, 'client quits');
  await sessions.delete(id);
  await awaitRowGone(table, id, CANCEL_WAIT_MS);
}
