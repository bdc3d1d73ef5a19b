/** What the simulated host answers over HTTP and HTTPS. Sans I/O; fields and texts as recorded. */
import { CODEC_MODE } from '../../core/protocol/moonlight/codec-modes.ts';
import { parseLaunchQuery } from '../../core/protocol/moonlight/launch-query.ts';
import { formatSessionUrl } from '../../core/protocol/moonlight/session-url.ts';
import { writeApplist, writeXml } from '../../core/protocol/moonlight/xml.ts';
import type { ClipLibrary } from './clips.ts';
import type { ControlServer } from './control.ts';
import type { WolfHabits } from './habits.ts';
import type { HttpAnswer, HttpRequest } from './http-types.ts';
import type { HostPairing } from './pairing.ts';
import type { SimSession } from './session.ts';
import type { LaunchOrder, LaunchRefusal, Sessions } from './sessions.ts';

const UNAUTHORIZED = 'The client is not authorized. Certificate verification failed.';
const SECOND_RESPONSE =
  'HTTP/1.1 400 Bad Request\r\n\r\n<?xml version="1.0" encoding="utf-8"?>\n<root status_code="400"/>';
const REFUSALS: Record<LaunchRefusal, [statusCode: number, message: string]> = {
  running: [400, 'An app is already running'],
  full: [503, 'No more sessions are possible on this host'],
  noSession: [400, 'There is no session to resume'],
};

/** An app that the host offers. */
export interface SimApp {
  id: number;
  title: string;
}

export interface HttpDeps {
  name: string;
  uniqueid: string;
  apps: readonly SimApp[];
  clips: ClipLibrary;
  habits: WolfHabits;
  pairing: HostPairing;
  sessions: Sessions;
  control: Pick<ControlServer, 'terminate' | 'dropStale'>;
  isPaired: (fingerprint: string) => boolean;
  unpair: (fingerprint: string) => void;
  /** Bound TCP ports. */
  ports: () => { http: number; https: number; rtsp: number };
}

/** Answers requests of both listeners. */
export class HttpRoutes {
  readonly #deps: HttpDeps;

  constructor(deps: HttpDeps) {
    this.#deps = deps;
  }

  async answer(request: HttpRequest): Promise<HttpAnswer> {
    return request.isSecure ? this.#answerSecure(request) : this.#answerPlain(request);
  }

  async #answerPlain(request: HttpRequest): Promise<HttpAnswer> {
    const { path, query, clientAddress, signal } = request;
    switch (path) {
      case '/serverinfo':
        return this.#serverinfo(request, undefined);
      case '/pair':
        return ok(await this.#deps.pairing.answer(query, clientAddress, signal));
      case '/unpair':
        this.#deps.pairing.forget(clientAddress);
        return ok(writeXml(200, {}));
      default:
        return failure(404, 404);
    }
  }

  #answerSecure(request: HttpRequest): HttpAnswer {
    const { path, query, fingerprint } = request;
    if (fingerprint === undefined || !this.#deps.isPaired(fingerprint)) {
      return { ...ok(writeXml(401, {}, { statusMessage: UNAUTHORIZED })), status: 401 };
    }
    switch (path) {
      case '/serverinfo':
        return this.#serverinfo(request, fingerprint);
      case '/pair':
        return query['phrase'] === 'pairchallenge' ? ok(writeXml(200, { paired: 1 })) : failure(400, 400);
      case '/unpair':
        this.#deps.unpair(fingerprint);
        return ok(writeXml(200, {}));
      case '/applist':
        return ok(writeApplist(this.#deps.apps.map((app) => ({ ...app, isHdrSupported: false }))));
      case '/appasset':
        return this.#appasset(query['appid']);
      case '/launch':
        return this.#launch(request, fingerprint);
      case '/resume':
        return this.#resume(request, fingerprint);
      case '/cancel':
        return this.#cancel(fingerprint);
      default:
        return failure(404, 404);
    }
  }

  /** @param fingerprint of a paired client; over plain HTTP everybody is told that they are not. */
  #serverinfo(request: HttpRequest, fingerprint: string | undefined): HttpAnswer {
    const { name, uniqueid, ports, sessions } = this.#deps;
    const session = fingerprint === undefined ? undefined : sessions.get(fingerprint);
    return ok(
      writeXml(200, {
        hostname: name,
        appversion: '7.1.431.-1',
        GfeVersion: '3.23.0.74',
        uniqueid,
        MaxLumaPixelsHEVC: 0,
        ServerCodecModeSupport: CODEC_MODE.H264,
        HttpsPort: ports().https,
        ExternalPort: ports().http,
        mac: '00:00:00:00:00:00',
        LocalIP: request.localAddress,
        PairStatus: fingerprint === undefined ? 0 : 1,
        currentgame: session?.appId ?? 0,
        state: session === undefined ? 'SUNSHINE_SERVER_FREE' : 'SUNSHINE_SERVER_BUSY',
      }),
    );
  }

  #appasset(appid: string | undefined): HttpAnswer {
    const isKnown = this.#deps.apps.some(({ id }) => String(id) === appid);
    return isKnown ? { status: 200, type: 'image/png', body: this.#deps.clips.boxArt() } : failure(400, 400);
  }

  #launch(request: HttpRequest, fingerprint: string): HttpAnswer {
    const { apps, habits, sessions } = this.#deps;
    const order = orderOf(request, fingerprint);
    if (order === undefined) return failure(400, 400);
    if (habits.launchIsResume && sessions.get(fingerprint) !== undefined) return this.#resumeOrder(order);
    if (!apps.some(({ id }) => id === order.query.appId)) return failure(200, 404, 'There is no such app');
    return this.#answerLaunch(sessions.launch(order), 'gamesession');
  }

  #resume(request: HttpRequest, fingerprint: string): HttpAnswer {
    const order = orderOf(request, fingerprint);
    return order === undefined ? failure(400, 400) : this.#resumeOrder(order);
  }

  #resumeOrder(order: LaunchOrder): HttpAnswer {
    const { habits, sessions, control } = this.#deps;
    const session = sessions.resume(order);
    if (typeof session !== 'string' && !habits.stalePeerPause) control.dropStale(session);
    const answer = this.#answerLaunch(session, 'resume');
    if (typeof session === 'string' || !habits.secondResponseOnResume) return answer;
    return { ...answer, secondResponse: SECOND_RESPONSE };
  }

  #answerLaunch(session: SimSession | LaunchRefusal, verb: 'gamesession' | 'resume'): HttpAnswer {
    if (typeof session === 'string') return failure(200, ...REFUSALS[session]);
    const { tokens, request } = session.stream;
    const sessionUrl0 = formatSessionUrl({
      encrypted: request.isRtspEncrypted,
      host: tokens.label,
      port: this.#deps.ports().rtsp,
    });
    return ok(writeXml(200, { sessionUrl0, [verb]: 1 }));
  }

  #cancel(fingerprint: string): HttpAnswer {
    const session = this.#deps.sessions.remove(fingerprint);
    if (session !== undefined) this.#deps.control.terminate(session);
    return ok(writeXml(200, { cancel: 1 }));
  }
}

function orderOf(request: HttpRequest, fingerprint: string): LaunchOrder | undefined {
  const query = parseLaunchQuery(request.query);
  return 'fault' in query ? undefined : { fingerprint, query, clientAddress: request.clientAddress };
}

function ok(body: string): HttpAnswer {
  return { status: 200, type: 'application/xml', body };
}

function failure(status: number, statusCode: number, statusMessage?: string): HttpAnswer {
  const options = statusMessage === undefined ? {} : { statusMessage };
  return { ...ok(writeXml(statusCode, {}, options)), status };
}
