/**
 * Client of Wolf's API socket: only the calls that Gleipnir needs, none of which can end Wolf (WOLF.md 1). Never
 * here: `sessions/start`, which kills Wolf when its session is gone; and an id that is not a number, which kills
 * it in any call.
 */
import { z } from 'zod';
import { canonicalAddress } from '../../runtime/address.ts';
import { GleipnirError } from '../../runtime/errors.ts';
import { askWolf, unreachable, type WolfReply, type WolfRequest } from './http.ts';

/** A client that waits at Wolf until somebody types a PIN for it. */
export interface WolfPairRequest {
  /** Names the request; a new one of the same client has another. */
  pairSecret: string;
  /** Canonical IP address, as Wolf sees the client. */
  clientAddress: string;
}

/** A certificate that Wolf knows. */
export interface WolfClientInfo {
  /** Decimal number; the session of that client has the same. */
  clientId: string;
}

/** A game that Wolf keeps, streaming or not. */
export interface WolfSession {
  /** Wolf's session id: the `clientId` of its client. */
  sessionId: string;
  appId: string | undefined;
  /** Host part of the `sessionUrl0` that Wolf gave the client; a new one for every /launch and /resume. */
  label: string;
  clientAddress: string;
}

/** Every call throws GleipnirError HOST_UNREACHABLE (no usable reply) or HOST_REFUSED (Wolf said no). */
export interface WolfClient {
  pairPending: () => Promise<WolfPairRequest[]>;
  /** Types `pin` for the client that waits under `pairSecret`. */
  pairClient: (pairSecret: string, pin: string) => Promise<void>;
  clients: () => Promise<WolfClientInfo[]>;
  unpair: (clientId: string) => Promise<void>;
  sessions: () => Promise<WolfSession[]>;
  /** Ends the game and tells its client. */
  sessionsStop: (sessionId: string) => Promise<void>;
}

/** What Wolf's `stoull` takes; anything else would end the process. */
const Id = z.string().regex(/^\d{1,20}$/);
/** Optional fields may be missing or null. Unknown fields are dropped, as Wolf drops ours. */
const OptionalText = z
  .string()
  .nullish()
  .transform((text) => text ?? undefined);

const Pending = z.object({
  requests: z.array(
    z.object({ pair_secret: z.string(), client_ip: z.string() }).transform((request) => ({
      pairSecret: request.pair_secret,
      clientAddress: canonicalAddress(request.client_ip),
    })),
  ),
});

const Clients = z.object({
  clients: z.array(z.object({ client_id: Id }).transform((client) => ({ clientId: client.client_id }))),
});

const Sessions = z.object({
  sessions: z.array(
    z
      .object({ client_id: Id, app_id: OptionalText, rtsp_fake_ip: z.string(), client_ip: z.string() })
      .transform((session) => ({
        sessionId: session.client_id,
        appId: session.app_id,
        label: session.rtsp_fake_ip,
        clientAddress: canonicalAddress(session.client_ip),
      })),
  ),
});

const Refusal = z.object({ error: z.string() });
const Done = z.object({ success: z.literal(true) });
const STATUS_OK = 200;

/** Opens nothing: every call has a connection of its own. */
export function createWolfClient({ socketPath }: { socketPath: string }): WolfClient {
  async function ask<S extends z.ZodType>(
    request: Omit<WolfRequest, 'socketPath'>,
    schema: S,
  ): Promise<z.output<S>> {
    const asked = { socketPath, ...request };
    const reply = await askWolf(asked);
    if (reply.status !== STATUS_OK) throw refused(asked, reply);
    const parsed = schema.safeParse(parseJson(reply.text));
    if (!parsed.success) throw unreachable(asked, 'malformed');
    return parsed.data;
  }

  async function order(path: string, body: Record<string, string>): Promise<void> {
    await ask({ method: 'POST', path, body }, Done);
  }

  return {
    pairPending: async () => (await ask({ method: 'GET', path: '/pair/pending' }, Pending)).requests,
    pairClient: (pairSecret, pin) => order('/pair/client', { pair_secret: pairSecret, pin }),
    clients: async () => (await ask({ method: 'GET', path: '/clients' }, Clients)).clients,
    unpair: async (clientId) => order('/unpair/client', { client_id: requireId(clientId) }),
    sessions: async () => (await ask({ method: 'GET', path: '/sessions' }, Sessions)).sessions,
    sessionsStop: async (sessionId) => order('/sessions/stop', { session_id: requireId(sessionId) }),
  };
}

function requireId(id: string): string {
  if (Id.safeParse(id).success) return id;
  throw new GleipnirError('HOST_REFUSED', 'This is no id of the host', { message: '' });
}

/** Wolf's own words, which hold no secrets, for the log. */
function refused({ socketPath, path }: WolfRequest, { status, text }: WolfReply): GleipnirError {
  const words = Refusal.safeParse(parseJson(text));
  const message = words.success ? words.data.error : '';
  return new GleipnirError('HOST_REFUSED', 'The host refused through its API', {
    socketPath,
    path,
    status,
    message,
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
