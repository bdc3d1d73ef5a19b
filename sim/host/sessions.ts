/** All sessions of the simulated host: one per client certificate, found by each layer's own proof. */
import type { LaunchQuery } from '../../core/protocol/moonlight/launch-query.ts';
import { SimSession } from './session.ts';
import type { Media, SimStream, StreamDeps } from './stream.ts';

/** What a client asked for, and over which connection. */
export interface LaunchOrder {
  /** SHA-256 of the client's certificate. */
  fingerprint: string;
  query: LaunchQuery;
  clientAddress: string;
}

/** Why a /launch or /resume was refused. */
export type LaunchRefusal = 'running' | 'full' | 'noSession';

/** A session and the stream of it that some bytes belong to. */
export interface Found {
  session: SimSession;
  stream: SimStream;
}

/** What happens to a session; named as Wolf names its events. */
export type SessionEvent = 'StreamSession' | 'ResumeStreamEvent' | 'PauseStreamEvent' | 'StopStreamEvent';

export interface SessionsDeps extends StreamDeps {
  sessionsMax: number;
  /** Whether rtspenc is offered to clients that know it. */
  offersRtspEncryption: boolean;
  onEvent?: (event: SessionEvent, session: SimSession) => void;
}

/** At most sessionsMax. */
export class Sessions {
  readonly #deps: SessionsDeps;
  /** By fingerprint. At most sessionsMax. */
  readonly #sessions = new Map<string, SimSession>();

  constructor(deps: SessionsDeps) {
    this.#deps = deps;
  }

  /** A new game, unless the certificate has one or the host is full. */
  launch(order: LaunchOrder): SimSession | LaunchRefusal {
    if (this.#sessions.has(order.fingerprint)) return 'running';
    if (this.#sessions.size >= this.#deps.sessionsMax) return 'full';
    const session = new SimSession(order.fingerprint, this.#request(order), this.#deps);
    this.#sessions.set(order.fingerprint, session);
    this.tell('StreamSession', session);
    return session;
  }

  /** The certificate's game, with new keys and tokens. */
  resume(order: LaunchOrder): SimSession | LaunchRefusal {
    const session = this.#sessions.get(order.fingerprint);
    if (session === undefined) return 'noSession';
    session.resume(this.#request(order));
    return session;
  }

  /** Ends and forgets the certificate's game. @returns it, if there was one. */
  remove(fingerprint: string): SimSession | undefined {
    const session = this.#sessions.get(fingerprint);
    if (session === undefined) return undefined;
    session.pause();
    // Twice, as Wolf says it: the first may come before the session is gone.
    this.tell('StopStreamEvent', session);
    this.#sessions.delete(fingerprint);
    this.tell('StopStreamEvent', session);
    return session;
  }

  /** Says what happened to a session. */
  tell(event: SessionEvent, session: SimSession): void {
    this.#deps.onEvent?.(event, session);
  }

  get(fingerprint: string): SimSession | undefined {
    return this.#sessions.get(fingerprint);
  }

  all(): SimSession[] {
    return [...this.#sessions.values()];
  }

  /** Newest first, so that of several streams of one address the last launched is meant. */
  streams(): Found[] {
    return this.all()
      .map((session) => ({ session, stream: session.stream }))
      .reverse();
  }

  findByConnectData(connectData: number, address: string): Found | undefined {
    const { legacyTokens } = this.#deps.habits;
    return this.streams().find(({ stream }) => {
      if (!stream.isPlaying || stream.isEnded) return false;
      return legacyTokens
        ? stream.request.clientAddress === address
        : stream.tokens.connectData === connectData;
    });
  }

  /** @param payload `undefined` for the ping of a client that was told none. */
  findByPing(media: Media, payload: string | undefined, address: string): Found | undefined {
    const { legacyTokens } = this.#deps.habits;
    if ((payload === undefined) !== legacyTokens) return undefined;
    return this.streams().find(({ stream }) => {
      if (payload !== undefined) return stream.tokens.pingPayload[media] === payload;
      return stream.request.clientAddress === address;
    });
  }

  #request({ query, clientAddress }: LaunchOrder): SimStream['request'] {
    const isRtspEncrypted = this.#deps.offersRtspEncryption && query.corever >= 1;
    return { query, clientAddress, isRtspEncrypted };
  }
}
