/** What the console's forms do. Each answers with a redirect to the page that says how it went. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { GleipnirError } from '../../core/runtime/errors.ts';
import type { Logger } from '../../core/runtime/log.ts';
import type { ObjectStore } from '../../core/store/object-store.ts';
import type { PairingExchanges } from '../pairing/exchange.ts';
import { PERSON_PATTERN } from '../pairing/types.ts';
import type { Message } from './messages.ts';

/** How long a sent PIN waits for the client to finish, ms. */
const OUTCOME_WAIT_MS = 6_000;

const Name = z.string().trim().max(100);
const Person = z.string().trim().toLowerCase().regex(PERSON_PATTERN);
const PinForm = z.object({
  id: z.uuid(),
  pin: z.string().regex(/^[0-9]{4}$/),
  name: Name.default(''),
  person: Person.or(z.literal('')).default(''),
});
const RenameForm = z.object({ id: z.string().max(253), name: Name });
const ObjectForm = z.object({ id: z.string().max(253) });

export interface ActionsDeps {
  exchanges: Pick<PairingExchanges, 'enterPin'>;
  pairings: Pick<ObjectStore<'Pairing'>, 'get' | 'update' | 'delete'>;
  sessions: Pick<ObjectStore<'Session'>, 'delete'>;
  /** Told that a person is about to end a session, so that the history says so. */
  onSessionEnd: (sessionId: string, user: string | undefined) => Promise<void>;
  /** Who sends the form, for the log. */
  userOf: (request: FastifyRequest) => string | undefined;
  /** Name of the User who sends the form, where one is known. */
  personOf: (request: FastifyRequest) => Promise<string | undefined>;
  log: Logger;
  /** How long a sent PIN waits for the client to finish, ms. Default 6 s, more than a client needs to notice a wrong PIN. */
  outcomeWaitMs?: number;
}

export function registerActions(app: FastifyInstance, deps: ActionsDeps): void {
  const { pairings, sessions, userOf, log } = deps;

  app.post('/pin', async (request, reply) => {
    const form = PinForm.safeParse(request.body);
    const message = form.success
      ? await enterPin(deps, form.data, await deps.personOf(request))
      : 'pinInvalid';
    return reply.redirect(`/?message=${message}`, 303);
  });

  app.post('/clients/rename', async (request, reply) => {
    const form = RenameForm.safeParse(request.body);
    const message = form.success ? await rename(pairings, form.data) : 'nameInvalid';
    return reply.redirect(`/clients?message=${message}`, 303);
  });

  app.post('/clients/revoke', async (request, reply) => {
    const form = ObjectForm.safeParse(request.body);
    if (!form.success) return reply.redirect('/clients?message=clientGone', 303);
    await pairings.delete(form.data.id);
    log.info({ name: form.data.id, user: userOf(request) }, 'client was removed');
    return reply.redirect('/clients?message=revoked', 303);
  });

  app.post('/sessions/end', async (request, reply) => {
    const form = ObjectForm.safeParse(request.body);
    if (!form.success) return reply.redirect('/sessions', 303);
    await deps.onSessionEnd(form.data.id, userOf(request));
    await sessions.delete(form.data.id);
    log.info({ sessionId: form.data.id, user: userOf(request) }, 'session was ended by a person');
    return reply.redirect('/sessions?message=ended', 303);
  });
}

/** @param sender whose client it becomes when the form names nobody. */
async function enterPin(
  deps: ActionsDeps,
  form: z.output<typeof PinForm>,
  sender: string | undefined,
): Promise<Message> {
  const userName = form.person === '' ? sender : form.person;
  const names = {
    ...(form.name === '' ? {} : { clientName: form.name }),
    ...(userName === undefined ? {} : { userName }),
  };
  const outcome = deps.exchanges
    .enterPin(form.id, form.pin, names)
    .then((known): Message => known ?? 'pendingGone');
  const { promise: late, resolve } = Promise.withResolvers<Message>();
  const timer = setTimeout(() => {
    resolve('waiting');
  }, deps.outcomeWaitMs ?? OUTCOME_WAIT_MS);
  try {
    return await Promise.race([outcome, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** An empty name takes the name away. */
async function rename(
  pairings: ActionsDeps['pairings'],
  { id, name }: z.output<typeof RenameForm>,
): Promise<Message> {
  const pairing = await pairings.get(id);
  if (pairing === undefined) return 'clientGone';
  const spec = { ...pairing.spec };
  if (name === '') delete spec.clientName;
  else spec.clientName = name;
  try {
    await pairings.update(id, spec);
  } catch (error) {
    if (error instanceof GleipnirError && error.code === 'OBJECT_NOT_FOUND') return 'clientGone';
    throw error;
  }
  return 'renamed';
}
