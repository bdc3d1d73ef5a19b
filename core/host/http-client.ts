/**
 * The requests of a Moonlight client to its host: XML and images by GET, over plain HTTP or over HTTPS with the
 * client's certificate. Sends what a real client sends; what an answer means is left to the callers.
 */
import { randomUUID } from 'node:crypto';
import { MOONLIGHT_PORTS } from '../protocol/moonlight/ports.ts';
import { parseMoonlightXml, type MoonlightXml } from '../protocol/moonlight/xml.ts';
import { GleipnirError } from '../runtime/errors.ts';
import { exchange, type HostTls, type RawAnswer } from './exchange.ts';
import type { ClientIdentity, HostEndpoint } from './types.ts';

/** A query in the order it is sent in; `uniqueid` and `uuid` are put in front of it. */
export type Query = readonly (readonly [name: string, value: string])[];

export interface HostHttpClientOptions {
  endpoint: HostEndpoint;
  identity: ClientIdentity;
  /**
   * The host's certificate as learnt in pairing, asked for before each HTTPS request. While it gives `undefined`,
   * HTTPS fails with HOST_NOT_PAIRED. Without this function any certificate is accepted, as libgamestream does.
   */
  pinnedCertificatePem?: () => string | undefined;
}

export interface GetOptions {
  /** HTTPS with the client certificate; else plain HTTP, where nobody is authenticated. */
  secure: boolean;
  timeoutMs: number;
  signal?: AbortSignal;
  /** Pins this certificate instead: pairing knows it before anybody else does. */
  pinnedCertificatePem?: string;
}

/** A Moonlight answer; its `statusCode` may tell of a failure. */
export interface HostAnswer {
  xml: MoonlightXml;
  /** Canonical IP address that the connection reached. */
  address: string;
}

/** The same on (nearly) every client (MOONLIGHT.md a): it identifies nobody. */
const UNIQUEID = '0123456789ABCDEF';

/** Sixteen times the largest list of display modes seen. */
const XML_MAX_BYTES = 256 * 1024;
const ASSET_MAX_BYTES = 8 * 1024 * 1024;

const SERVERINFO = '/serverinfo';
const STATUS_OK = 200;

/** A Moonlight client's HTTP leg towards one host, under one identity. Every request has a connection of its own. */
export class HostHttpClient {
  readonly #options: HostHttpClientOptions;
  /** From the host's own words; forgotten when nobody answers there. */
  #httpsPort: number | undefined;

  constructor(options: HostHttpClientOptions) {
    this.#options = options;
  }

  get endpoint(): HostEndpoint {
    return this.#options.endpoint;
  }

  get identity(): ClientIdentity {
    return this.#options.identity;
  }

  /**
   * Asks for XML of at most 256 KiB.
   *
   * @param path for example `/launch`.
   * @throws GleipnirError HOST_UNREACHABLE, HOST_ANSWER_INVALID (no Moonlight XML), HOST_CERTIFICATE_CHANGED,
   * HOST_NOT_PAIRED. An answer with another `status_code` than 200 is an answer.
   */
  async get(path: string, query: Query, options: GetOptions): Promise<HostAnswer> {
    const raw = await this.#send(path, query, options, XML_MAX_BYTES);
    const xml = parseMoonlightXml(raw.body.toString('utf8'));
    if (xml === undefined) {
      const { address: host } = this.endpoint;
      const details = { host, path, status: raw.status };
      throw new GleipnirError(
        'HOST_ANSWER_INVALID',
        'The host answers something else than Moonlight XML',
        details,
      );
    }
    if (path === SERVERINFO && xml.statusCode === STATUS_OK) this.#httpsPort = readHttpsPort(xml);
    return { xml, address: raw.address };
  }

  /** Asks for bytes of at most 8 MiB, whatever they are. Fails as `get` does. */
  async getBytes(path: string, query: Query, options: GetOptions): Promise<RawAnswer> {
    return this.#send(path, query, options, ASSET_MAX_BYTES);
  }

  async #send(path: string, query: Query, options: GetOptions, bodyMaxBytes: number): Promise<RawAnswer> {
    const tls = options.secure ? this.#tls(path, options) : undefined;
    const port = options.secure ? await this.#findHttpsPort(options) : this.endpoint.httpPort;
    const { timeoutMs, signal } = options;
    try {
      return await exchange({
        address: this.endpoint.address,
        port,
        ...(tls && { tls }),
        path,
        search: formatSearch(query),
        timeoutMs,
        bodyMaxBytes,
        ...(signal && { signal }),
      });
    } catch (error) {
      if (options.secure) this.#httpsPort = undefined;
      throw error;
    }
  }

  #tls(path: string, options: GetOptions): HostTls {
    const { identity, pinnedCertificatePem: pinned } = this.#options;
    const pinnedCertificatePem = options.pinnedCertificatePem ?? pinned?.();
    if (pinned !== undefined && pinnedCertificatePem === undefined) {
      throw new GleipnirError('HOST_NOT_PAIRED', 'This identity is not paired with the host', {
        host: this.endpoint.address,
        path,
      });
    }
    return { identity, pinnedCertificatePem };
  }

  /** The host says it in /serverinfo, which every client asks for first. */
  async #findHttpsPort({ timeoutMs, signal }: GetOptions): Promise<number> {
    if (this.#httpsPort !== undefined) return this.#httpsPort;
    const options = { secure: false, timeoutMs, ...(signal && { signal }) };
    const { xml } = await this.get(SERVERINFO, [], options);
    return readHttpsPort(xml);
  }
}

/** Absent or 0 means the usual port, as libgamestream reads it. */
function readHttpsPort(xml: MoonlightXml): number {
  const port = Number(xml.fields['HttpsPort']);
  return Number.isInteger(port) && port > 0 && port <= 0xffff ? port : MOONLIGHT_PORTS.https;
}

function formatSearch(query: Query): string {
  const all: Query = [['uniqueid', UNIQUEID], ['uuid', randomUUID()], ...query];
  return `?${all.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join('&')}`;
}
