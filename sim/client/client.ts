/** A Moonlight client: pairs with a host, asks it for an app, and streams. Serves the tests and the bench. */
import { randomBytes } from 'node:crypto';
import { readHostInfo, requireOk } from '../../core/host/answer.ts';
import { HostHttpClient, type HostAnswer, type Query } from '../../core/host/http-client.ts';
import { pairWithHost } from '../../core/host/pair.ts';
import type { HostApp } from '../../core/host/offer.ts';
import type { HostInfo, LaunchAnswer } from '../../core/host/types.ts';
import type { Certificate } from '../../core/identity/certificate.ts';
import { formatLaunchQuery } from '../../core/protocol/moonlight/launch-query.ts';
import { MOONLIGHT_PORTS } from '../../core/protocol/moonlight/ports.ts';
import { parseSessionUrl } from '../../core/protocol/moonlight/session-url.ts';
import { GleipnirError } from '../../core/runtime/errors.ts';
import type { StreamSettings } from './handshake.ts';
import type { StreamReport } from './report.ts';
import { Stream, type Rebind, type StreamOptions, type StreamTarget } from './stream.ts';

/** As moonlight-qt waits; a launch may start a machine. */
const TIMEOUT_MS = { query: 5000, launch: 120_000, cancel: 30_000 } as const;
const OK = 200;
const RIKEY_SIZE = 16;
/** Stereo: channel mask << 16 | channels. */
const SURROUND_STEREO = '196610';

const DEFAULTS: StreamSettings = {
  width: 1280,
  height: 720,
  fps: 60,
  bitrateKbps: 10_000,
  wantsVideoEncryption: false,
  wantsAudioEncryption: false,
  corever: 1,
};

export interface SimClientOptions extends Partial<StreamSettings> {
  /** IP address or name of the host. */
  address: string;
  /** 47989 by default. */
  httpPort?: number;
  identity: Certificate;
  /** From an earlier pairing; without it any certificate is accepted, as libgamestream does. */
  hostCertificatePem?: string;
}

export class SimClient {
  readonly #options: SimClientOptions;
  readonly #settings: StreamSettings;
  #hostCertificatePem: string | undefined;
  #http: HostHttpClient;
  #target: StreamTarget | undefined;
  #stream: Stream | undefined;

  constructor(options: SimClientOptions) {
    this.#options = options;
    this.#settings = { ...DEFAULTS, ...pickSettings(options) };
    this.#hostCertificatePem = options.hostCertificatePem;
    this.#http = this.#createHttp();
  }

  /** PEM; `undefined` before pairing. */
  get hostCertificatePem(): string | undefined {
    return this.#hostCertificatePem;
  }

  /** The keys of the newest launch or resume; `undefined` before. */
  get keys(): { rikey: Uint8Array; rikeyid: number } | undefined {
    return this.#target && { rikey: this.#target.rikey, rikeyid: this.#target.rikeyid };
  }

  /** @throws GleipnirError PIN_WRONG, HOST_BUSY, HOST_REFUSED, HOST_UNREACHABLE. */
  async pair(pin: string, signal: AbortSignal = new AbortController().signal): Promise<void> {
    await this.serverinfo();
    this.#hostCertificatePem = await pairWithHost(this.#http, { pin, signal });
    this.#http = this.#createHttp();
  }

  /** HTTP first, then HTTPS, and HTTP again where HTTPS does not know us, as libgamestream asks. */
  async serverinfo(): Promise<HostInfo> {
    const path = '/serverinfo';
    const asked = { host: this.#options.address, path };
    const get = (secure: boolean) => this.#http.get(path, [], { secure, timeoutMs: TIMEOUT_MS.query });
    requireOk((await get(false)).xml, asked);
    const secure = await get(true).catch(() => undefined);
    if (secure?.xml.statusCode === OK) return readHostInfo(secure.xml, asked);
    return { ...readHostInfo((await get(false)).xml, asked), isPaired: false };
  }

  async applist(): Promise<HostApp[]> {
    const { xml } = await this.#ask('/applist', [], TIMEOUT_MS.query);
    return xml.apps;
  }

  /** Starts an app. @throws GleipnirError HOST_NOT_PAIRED, HOST_BUSY, HOST_REFUSED, HOST_UNREACHABLE. */
  async launch(appId: number): Promise<LaunchAnswer> {
    return this.#begin('/launch', appId, 'gamesession');
  }

  /** Returns to the app that runs. Fails as `launch` does. */
  async resume(appId: number): Promise<LaunchAnswer> {
    return this.#begin('/resume', appId, 'resume');
  }

  /** Ends the app on the host. */
  async cancel(): Promise<void> {
    const { xml } = await this.#ask('/cancel', [], TIMEOUT_MS.cancel);
    if (xml.fields['cancel'] === '0') {
      throw new GleipnirError('HOST_REFUSED', 'The host did not end the app', { path: '/cancel' });
    }
  }

  /** Leaves the stream and ends the app. */
  async quit(): Promise<void> {
    this.stop();
    await this.cancel();
  }

  /**
   * Streams what `launch` or `resume` asked for, until it ends.
   *
   * @throws GleipnirError SESSION_NOT_FOUND without a launch; HOST_REFUSED, HOST_UNREACHABLE when RTSP fails.
   */
  async stream(options: StreamOptions = {}): Promise<StreamReport> {
    if (this.#target === undefined) throw new GleipnirError('SESSION_NOT_FOUND', 'Nothing was launched');
    this.#stream = new Stream(this.#target, options);
    return this.#stream.run();
  }

  /** Ends the stream as a client does. */
  stop(): void {
    this.#stream?.stop();
  }

  /** Ends the stream without a word. */
  vanish(): void {
    this.#stream?.vanish();
  }

  /** Moves the stream's sockets to new ports. */
  async rebind(rebind?: Rebind): Promise<void> {
    await this.#stream?.rebind(rebind);
  }

  async #begin(path: string, appId: number, verdict: string): Promise<LaunchAnswer> {
    const rikey = randomBytes(RIKEY_SIZE);
    const rikeyid = randomBytes(4).readInt32BE();
    const query = formatLaunchQuery({ appId, rikey, rikeyid, parameters: this.#parameters() });
    const { xml, address } = await this.#ask(path, query, TIMEOUT_MS.launch);
    const asked = { host: this.#options.address, path };
    if (xml.fields[verdict] === '0')
      throw new GleipnirError('HOST_REFUSED', 'The host started nothing', asked);
    const answer = readAnswer(xml.fields['sessionUrl0'], address, asked);
    this.#target = { answer, rikey, rikeyid, settings: this.#settings };
    return answer;
  }

  #parameters(): Record<string, string> {
    const { width, height, fps, corever } = this.#settings;
    return {
      mode: `${width}x${height}x${fps}`,
      additionalStates: '1',
      sops: '0',
      localAudioPlayMode: '0',
      surroundAudioInfo: SURROUND_STEREO,
      remoteControllersBitmap: '1',
      gcmap: '1',
      ...(corever !== undefined && { corever: String(corever) }),
    };
  }

  async #ask(path: string, query: Query, timeoutMs: number): Promise<HostAnswer> {
    const answer = await this.#http.get(path, query, { secure: true, timeoutMs });
    requireOk(answer.xml, { host: this.#options.address, path });
    return answer;
  }

  #createHttp(): HostHttpClient {
    const { address, httpPort = MOONLIGHT_PORTS.http, identity } = this.#options;
    const pinned = this.#hostCertificatePem;
    return new HostHttpClient({
      endpoint: { address, httpPort },
      identity,
      ...(pinned !== undefined && { pinnedCertificatePem: () => pinned }),
    });
  }
}

function pickSettings(options: SimClientOptions): Partial<StreamSettings> {
  const names = Object.keys(DEFAULTS) as (keyof StreamSettings)[];
  return Object.fromEntries(names.filter((name) => name in options).map((name) => [name, options[name]]));
}

function readAnswer(
  url: string | undefined,
  address: string,
  asked: { host: string; path: string },
): LaunchAnswer {
  if (url === undefined) return { address, rtspPort: MOONLIGHT_PORTS.rtsp, label: address, encrypted: false };
  const parsed = parseSessionUrl(url);
  if (parsed === undefined) {
    throw new GleipnirError('HOST_REFUSED', 'The host gave no usable address for RTSP', { ...asked });
  }
  return { address, rtspPort: parsed.port, label: parsed.host, encrypted: parsed.encrypted };
}
