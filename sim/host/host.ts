/**
 * A simulated Moonlight host: HTTP, HTTPS, RTSP, control, video and audio on ports of its own, playing a test
 * card and a tone. A good host unless told otherwise; `habits` make it behave like Wolf.
 */
import { randomUUID } from 'node:crypto';
import { createHostCertificate, fingerprintOf, type Certificate } from '../../core/identity/certificate.ts';
import { parsePing } from '../../core/protocol/rtp/ping.ts';
import { SS_ENC, type Describe } from '../../core/protocol/sdp.ts';
import { createLogger, type Logger } from '../../core/runtime/log.ts';
import { createSystemClock, type SimClock } from './clock.ts';
import { ClipLibrary } from './clips.ts';
import { ControlServer } from './control.ts';
import { completeHabits, type WolfHabits } from './habits.ts';
import { HttpRoutes, type SimApp } from './http-routes.ts';
import { MoonlightHttpServer } from './http-server.ts';
import { HostPairing } from './pairing.ts';
import { RtspServer } from './rtsp-server.ts';
import type { SimSession, SimSessionInfo } from './session.ts';
import { Sessions, type SessionEvent } from './sessions.ts';
import type { Destination, Media } from './stream.ts';
import { UdpPort } from './udp-port.ts';
import { WolfApi } from './wolf-api.ts';
import { describeSession, wolfIdOf } from './wolf-api-routes.ts';

const SESSIONS_MAX = 4;
const ENCRYPTION_ALL = SS_ENC.CONTROL_V2 | SS_ENC.VIDEO | SS_ENC.AUDIO;
const DEFAULT_APPS: readonly SimApp[] = [{ id: 1_234_567_890, title: 'Test card' }];

export type { SimApp } from './http-routes.ts';
export type { SimSessionInfo } from './session.ts';

/** The ports of a host. */
export interface BoundPorts {
  http: number;
  https: number;
  rtsp: number;
  control: number;
  video: number;
  audio: number;
}

export interface SimHostOptions {
  /** `hostname` of /serverinfo. */
  name?: string;
  /** 127.0.0.1 unless told. */
  bindAddress?: string;
  /** 0, any, unless told. */
  ports?: Partial<BoundPorts>;
  /** Made at `start` unless told. */
  identity?: Certificate;
  apps?: readonly SimApp[];
  sessionsMax?: number;
  encryption?: {
    /** Offer rtspenc to clients with corever >= 1; true unless told. */
    rtsp?: boolean;
    /** SS_ENC bits of DESCRIBE; all unless told. */
    supported?: number;
    /** SS_ENC bits of DESCRIBE; none unless told. */
    requested?: number;
  };
  /** Pads frames with filler to the negotiated bitrate. */
  fill?: boolean;
  habits?: Partial<WolfHabits>;
  /** Path of a Unix socket to offer Wolf's API at; none unless told. */
  wolfSocket?: string;
  log?: Logger;
  /** PEM certificates of clients that need not pair. */
  pairedCertificates?: readonly string[];
  clock?: SimClock;
}

/** A host, from `start` to `stop`. */
export interface SimHost {
  /** A host that is started again has the ports it had. @throws GleipnirError PORT_UNAVAILABLE */
  start: () => Promise<BoundPorts>;
  stop: () => Promise<void>;
  /** Types a PIN for the client that has waited longest. @returns whether one was waiting. */
  enterPin: (pin: string) => boolean;
  /** Clients that wait for a PIN. */
  pendingPairings: () => number;
  sessions: () => SimSessionInfo[];
  /** Every game ends by itself: clients are told a graceful termination, sessions are gone. */
  endApp: () => void;
  /** The host's certificate; known once started, or as passed in. */
  identity: () => Certificate | undefined;
}

/** Makes a host that does nothing yet. */
export function createSimHost(options: SimHostOptions = {}): SimHost {
  let identity = options.identity;
  let running: RunningHost | undefined;
  let { ports } = options;
  return {
    start: async () => {
      identity ??= await createHostCertificate(options.name ?? 'Gleipnir test host');
      running = new RunningHost({ ...options, ...(ports && { ports }) }, identity);
      const bound = await running.start();
      ports = bound;
      return bound;
    },
    stop: async () => {
      await running?.stop();
    },
    enterPin: (pin) => running?.pairing.enterPin(pin) ?? false,
    pendingPairings: () => running?.pairing.pendingCount ?? 0,
    sessions: () => running?.sessions.all().map((session) => session.info()) ?? [],
    endApp: () => {
      running?.endApp();
    },
    identity: () => identity,
  };
}

/** Everything wired. */
class RunningHost {
  readonly sessions: Sessions;
  readonly pairing: HostPairing;
  readonly #control: ControlServer;
  readonly #udp: Record<Media | 'control', UdpPort>;
  readonly #http: MoonlightHttpServer;
  readonly #https: MoonlightHttpServer;
  readonly #rtsp: RtspServer;
  readonly #wolfApi: WolfApi | undefined;
  /** SHA-256 of the certificates of paired clients. At most as many as people paired. */
  readonly #paired: Set<string>;
  #ports: BoundPorts = { http: 0, https: 0, rtsp: 0, control: 0, video: 0, audio: 0 };

  constructor(options: SimHostOptions, identity: Certificate) {
    const habits = completeHabits(options.habits);
    const { encryption = {}, bindAddress = '127.0.0.1' } = options;
    const clock = options.clock ?? createSystemClock();
    const log = options.log ?? createLogger('silent');
    const clips = new ClipLibrary();
    const wanted = { ...this.#ports, ...options.ports };
    this.#paired = pairedSet(options.pairedCertificates ?? []);
    this.#udp = this.#createUdp(bindAddress, wanted);
    this.sessions = new Sessions({
      clock,
      clips,
      habits,
      fill: options.fill ?? false,
      transmit: (media, datagram, destination) => {
        this.#udp[media].send(datagram, destination);
      },
      sessionsMax: options.sessionsMax ?? SESSIONS_MAX,
      offersRtspEncryption: (encryption.rtsp ?? true) && !habits.noEncryption,
      onEvent: (event, session) => {
        this.#tell(event, session);
      },
    });
    this.#control = new ControlServer({
      clock,
      sessions: this.sessions,
      habits,
      transmit: this.#udp.control.send,
      log,
    });
    this.pairing = new HostPairing({
      identity,
      onPaired: (fingerprint) => {
        this.#paired.add(fingerprint);
      },
      onWaiting: (address) => {
        this.#wolfApi?.emit('PairSignal', { client_ip: address, host_ip: bindAddress });
      },
      forgetsOlder: habits.forgetOlderPairing,
    });
    this.#wolfApi = this.#createWolfApi(options.wolfSocket, clock);
    const routes = new HttpRoutes({
      name: options.name ?? 'Gleipnir test host',
      uniqueid: randomUUID(),
      apps: options.apps ?? DEFAULT_APPS,
      clips,
      habits,
      pairing: this.pairing,
      sessions: this.sessions,
      control: this.#control,
      isPaired: (fingerprint) => this.#paired.has(fingerprint),
      unpair: (fingerprint) => {
        this.#paired.delete(fingerprint);
      },
      ports: () => this.#ports,
    });
    const web = { bindAddress, habits, routes, log };
    this.#http = new MoonlightHttpServer({ ...web, listener: 'HTTP', port: wanted.http });
    this.#https = new MoonlightHttpServer({ ...web, listener: 'HTTPS', port: wanted.https, identity });
    const describe = describeHost(encryption, habits, clips);
    this.#rtsp = new RtspServer({
      bindAddress,
      listener: 'RTSP',
      port: wanted.rtsp,
      sessions: this.sessions,
      host: () => ({ describe, ports: this.#ports, habits }),
      log,
    });
  }

  async start(): Promise<BoundPorts> {
    try {
      this.#ports = {
        http: await this.#http.start(),
        https: await this.#https.start(),
        rtsp: await this.#rtsp.start(),
        control: await this.#udp.control.start(),
        video: await this.#udp.video.start(),
        audio: await this.#udp.audio.start(),
      };
      await this.#wolfApi?.start();
    } catch (error) {
      await this.stop();
      throw error;
    }
    this.#control.start();
    return this.#ports;
  }

  async stop(): Promise<void> {
    this.pairing.stop();
    for (const session of this.sessions.all()) session.pause();
    this.#control.stop();
    await Promise.all([
      this.#http.stop(),
      this.#https.stop(),
      this.#rtsp.stop(),
      this.#wolfApi?.stop(),
      ...Object.values(this.#udp).map((port) => port.stop()),
    ]);
  }

  endApp(): void {
    for (const session of this.sessions.all()) this.#end(session);
  }

  #createUdp(bindAddress: string, wanted: BoundPorts): Record<Media | 'control', UdpPort> {
    const at = (stream: Media | 'control') => ({
      bindAddress,
      listener: stream.toUpperCase(),
      port: wanted[stream],
    });
    return {
      control: new UdpPort(at('control'), (datagram, source) => {
        this.#control.receive(datagram, source);
      }),
      video: new UdpPort(at('video'), (datagram, source) => {
        this.#ping('video', datagram, source);
      }),
      audio: new UdpPort(at('audio'), (datagram, source) => {
        this.#ping('audio', datagram, source);
      }),
    };
  }

  #end(session: SimSession): void {
    this.sessions.remove(session.fingerprint);
    this.#control.terminate(session);
  }

  #tell(event: SessionEvent, session: SimSession): void {
    const data =
      event === 'StreamSession' ? describeSession(session) : { session_id: wolfIdOf(session.fingerprint) };
    this.#wolfApi?.emit(event, data);
  }

  #createWolfApi(socketPath: string | undefined, clock: SimClock): WolfApi | undefined {
    if (socketPath === undefined) return undefined;
    return new WolfApi({
      socketPath,
      clock,
      waiting: () => this.pairing.waiting(),
      enterPin: (secret, pin) => this.pairing.enterPin(pin, secret),
      paired: () => [...this.#paired],
      unpair: (fingerprint) => {
        this.#paired.delete(fingerprint);
      },
      sessions: () => this.sessions.all(),
      endSession: (session) => {
        this.#end(session);
      },
      die: () => void this.stop(),
    });
  }

  #ping(media: Media, datagram: Uint8Array, source: Destination): void {
    const ping = parsePing(datagram);
    if (ping === undefined) return;
    const payload = ping.kind === 'payload' ? ping.payload : undefined;
    this.sessions.findByPing(media, payload, source.address)?.stream.ping(media, source);
  }
}

function pairedSet(certificates: readonly string[]): Set<string> {
  return new Set(certificates.flatMap((certificate) => fingerprintOf(certificate) ?? []));
}

function describeHost(
  encryption: NonNullable<SimHostOptions['encryption']>,
  habits: WolfHabits,
  clips: ClipLibrary,
): Describe {
  return {
    surroundParams: clips.surroundParams(),
    featureFlags: 3,
    encryptionSupported: habits.noEncryption ? 0 : (encryption.supported ?? ENCRYPTION_ALL),
    encryptionRequested: habits.noEncryption ? 0 : (encryption.requested ?? 0),
    hasHEVC: false,
    hasAV1: false,
    hasRefPicInvalidation: false,
  };
}
