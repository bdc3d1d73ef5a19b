/**
 * What the simulated host answers on the API socket of Wolf: pairing, clients, sessions, as recorded. Sans I/O.
 * What would end a real Wolf is answered with `dies`.
 */
import type { SimSession } from './session.ts';

/** A client that waits for its PIN. */
export interface WaitingClient {
  secret: string;
  address: string;
}

export interface WolfApiDeps {
  waiting: () => WaitingClient[];
  /** @returns whether that client waited. */
  enterPin: (secret: string, pin: string) => boolean;
  /** SHA-256 of each paired certificate. */
  paired: () => string[];
  unpair: (fingerprint: string) => void;
  sessions: () => SimSession[];
  endSession: (session: SimSession) => void;
}

export interface WolfApiRequest {
  method: string;
  /** Below /api/v1. */
  path: string;
  isChunked: boolean;
  body: string;
}

export type WolfApiReply = { status: number; text: string } | 'dies';

const OK = { status: 200, text: '{"success":true}' };
const CLIENT_SETTINGS = {
  run_uid: 1000,
  run_gid: 1000,
  controllers_override: [],
  mouse_acceleration: 1,
  v_scroll_acceleration: 1,
  h_scroll_acceleration: 1,
  motion_controller_override: 'AUTO',
};

type Route = (deps: WolfApiDeps, field: (name: string) => string) => WolfApiReply;

const ROUTES: Readonly<Record<string, Route>> = {
  'GET /pair/pending': ({ waiting }) =>
    list(
      'requests',
      waiting().map(({ secret, address }) => ({ pair_secret: secret, client_ip: address })),
    ),
  'POST /pair/client': ({ enterPin }, field) =>
    enterPin(field('pair_secret'), field('pin')) ? OK : failure(500, 'Invalid pair secret'),
  'GET /clients': ({ paired }) =>
    list(
      'clients',
      paired().map((fingerprint) => {
        const id = wolfIdOf(fingerprint);
        return { client_id: id, app_state_folder: id, settings: CLIENT_SETTINGS };
      }),
    ),
  'POST /unpair/client': ({ paired, unpair }, field) => {
    const fingerprint = paired().find((each) => wolfIdOf(each) === field('client_id'));
    if (fingerprint === undefined) return failure(404, 'Client not found');
    unpair(fingerprint);
    return OK;
  },
  'GET /sessions': ({ sessions }) => list('sessions', sessions().map(describeSession)),
  'POST /sessions/stop': ({ sessions, endSession }, field) => {
    const id = field('session_id');
    // A real one ends the whole process: an uncaught exception of `stoull`.
    if (!/^\d/.test(id)) return 'dies';
    const session = sessions().find(({ fingerprint }) => wolfIdOf(fingerprint) === id);
    if (session === undefined) return failure(500, 'Invalid session_id');
    endSession(session);
    return OK;
  },
  'POST /sessions/start': ({ sessions }, field) => {
    const isKnown = sessions().some(({ fingerprint }) => wolfIdOf(fingerprint) === field('session_id'));
    return isKnown ? failure(500, "Field named 'video_session' not found.") : 'dies';
  },
};

/** Decides what one request gets. */
export function answerWolfApi(request: WolfApiRequest, deps: WolfApiDeps): WolfApiReply {
  if (request.isChunked) {
    return { status: 500, text: 'Chunked encoding not supported, use HTTP/1.0 instead' };
  }
  const route = ROUTES[`${request.method} ${request.path}`];
  if (route === undefined) return { status: 404, text: '' };
  const fields = request.method === 'POST' ? parseFields(request.body) : {};
  if (fields === undefined) return failure(500, 'Could not parse document: unexpected character');
  return route(deps, (name) => {
    const value = fields[name];
    return typeof value === 'string' ? value : '';
  });
}

/** Wolf's id of a client and of its session: a decimal number made of the certificate. */
export function wolfIdOf(fingerprint: string): string {
  return BigInt(`0x${fingerprint.slice(0, 16)}`).toString();
}

/** A session as /sessions and the event StreamSession show it. */
export function describeSession({ fingerprint, stream }: SimSession): Record<string, unknown> {
  const { query, clientAddress } = stream.request;
  return {
    client_ip: clientAddress,
    aes_key: Buffer.from(query.rikey).toString('hex'),
    aes_iv: String(query.rikeyid),
    rtsp_fake_ip: stream.tokens.label,
    video_width: query.mode?.width ?? 1920,
    video_height: query.mode?.height ?? 1080,
    video_refresh_rate: query.mode?.refreshRate ?? 60,
    audio_channel_count: 2,
    app_id: String(query.appId),
    client_id: wolfIdOf(fingerprint),
    client_settings: CLIENT_SETTINGS,
  };
}

function list(name: string, entries: unknown[]): WolfApiReply {
  return { status: 200, text: JSON.stringify({ success: true, [name]: entries }) };
}

function failure(status: number, error: string): WolfApiReply {
  return { status, text: JSON.stringify({ success: false, error }) };
}

function parseFields(body: string): Record<string, unknown> | undefined {
  try {
    const parsed: unknown = JSON.parse(body);
    return typeof parsed === 'object' && parsed !== null ? { ...parsed } : undefined;
  } catch {
    return undefined;
  }
}
