/** For the specs of the HTTP side: real stores, real listeners on loopback, and a scripted client. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import type { AppCatalog, CatalogApp } from '../../core/host/catalog.ts';
import { HostHttpClient, type Query } from '../../core/host/http-client.ts';
import { pairWithHost } from '../../core/host/pair.ts';
import {
  createClientCertificate,
  createHostCertificate,
  type Certificate,
} from '../../core/identity/certificate.ts';
import { parseMoonlightXml, type MoonlightXml } from '../../core/protocol/moonlight/xml.ts';
import { createLogger } from '../../core/runtime/log.ts';
import { createSealer, type Sealer } from '../../core/runtime/seal.ts';
import { sessionRow } from '../../core/session/contract.ts';
import type { SessionTable } from '../../core/session/table.ts';
import { createMemoryTable } from '../../core/session/memory.ts';
import { createLocalStore } from '../../core/store/local.ts';
import type { ObjectStore } from '../../core/store/object-store.ts';
import type { HostIdentity } from '../identity/identity.ts';
import { PairingExchanges } from '../pairing/exchange.ts';
import type { PairingTiming } from '../pairing/types.ts';
import { RtspGate } from '../rtsp/gate.ts';
import type { HttpLimitSettings } from './limits.ts';
import type { HttpRefusalReason } from './refusals.ts';
import { registerProxyMetrics } from '../metrics.ts';
import { Origins } from '../origin/origins.ts';
import { createMoonlightHttp, type MoonlightHttp } from './server.ts';

export const RIKEY = 'b43d968a233c02392c4069b97827d563';
const TIMEOUT_MS = 20_000;

/** Made once: RSA keys are slow. */
const hostCertificate = createHostCertificate('Gleipnir');
const clientCertificates = [createClientCertificate(), createClientCertificate()] as const;

export interface Bench {
  ports: { http: number; https: number };
  identity: HostIdentity;
  pairings: ObjectStore<'Pairing'>;
  sessions: ObjectStore<'Session'>;
  table: SessionTable;
  sealer: Sealer;
  exchanges: PairingExchanges;
  gate: RtspGate;
  /** The catalog; tests change it. */
  apps: CatalogApp[];
  /** Everything logged, at every level. */
  logged: () => string;
  clients: readonly [TestClient, TestClient];
  /** How often `reason` was counted. */
  refused: (reason: HttpRefusalReason) => Promise<number>;
  stop: () => Promise<void>;
}

export interface BenchOptions {
  httpsPort?: number;
  timing?: Partial<PairingTiming>;
  launchTimeoutMs?: number;
  limits?: Partial<HttpLimitSettings>;
}

export async function startBench(options: BenchOptions = {}): Promise<Bench> {
  const { timing = {}, launchTimeoutMs, httpsPort = 0, limits = {} } = options;
  const directory = await mkdtemp(join(tmpdir(), 'gleipnir-http-'));
  const objects = { directory, now: () => new Date() };
  const pairings = await createLocalStore({ kind: 'Pairing', ...objects });
  const sessions = await createLocalStore({ kind: 'Session', ...objects });
  const table = createMemoryTable();
  const lines: string[] = [];
  const log = createLogger('trace', { write: (line) => void lines.push(line) });
  const identity = {
    hostname: 'Test & host',
    uniqueid: '4ade85a2-2e8b-46d7-a944-8ebdfafeb4a7',
    mac: '02:77:00:00:00:46',
    ...(await hostCertificate),
  };
  const apps: CatalogApp[] = [{ id: 7, title: 'Test card', isHdrSupported: false }];
  const sealer = createSealer(Buffer.alloc(32, 1));
  const exchanges = new PairingExchanges({
    identity,
    pairings,
    table: table.reader,
    claims: table.claims,
    exchanges: table.writer('exchange'),
    sealer,
    now: Date.now,
    log,
    timing,
  });
  const gate = new RtspGate({ claims: table.claims, log });
  const register = new Registry();
  const server = createMoonlightHttp({
    config: { bindAddress: '127.0.0.1', httpPort: 0, httpsPort, limits },
    identity,
    pairings,
    sessions,
    table: table.reader,
    launches: table.writer('launch'),
    sealer,
    catalog: catalogOf(apps),
    exchanges,
    gate,
    origins: new Origins(),
    log,
    launchMetrics: registerProxyMetrics({ register, pairings }).launches,
    register,
    ...(launchTimeoutMs === undefined ? {} : { launchTimeoutMs }),
  });
  const stop = async () => {
    await server.stop();
    await rm(directory, { recursive: true, force: true });
  };
  const [first, second] = await Promise.all(clientCertificates);
  const ports = await startOr(server, stop);
  return {
    ports,
    identity,
    pairings,
    sessions,
    table,
    sealer,
    exchanges,
    gate,
    apps,
    logged: () => lines.join(''),
    clients: [new TestClient(ports.http, first), new TestClient(ports.http, second)],
    refused: (reason) => countRefused(register, reason),
    stop,
  };
}

async function startOr(server: MoonlightHttp, stop: () => Promise<void>): Promise<Bench['ports']> {
  try {
    return await server.start();
  } catch (error) {
    await stop();
    throw error;
  }
}

async function countRefused(register: Registry, reason: HttpRefusalReason): Promise<number> {
  const metric = await register.getSingleMetric('gleipnir_proxy_http_refused_total')?.get();
  return metric?.values.find(({ labels }) => labels['reason'] === reason)?.value ?? 0;
}

function catalogOf(apps: CatalogApp[]): AppCatalog {
  const art = { type: 'image/png', bytes: Buffer.from('png') } as const;
  return {
    list: () => apps,
    asset: (id) => Promise.resolve(id === 7 ? art : undefined),
    codecModes: () => 0x101,
    maxLumaPixelsHEVC: () => 1869449984,
    awaitedPins: () => [],
    hosts: () => [],
  };
}

/** One Moonlight client. */
export class TestClient {
  readonly identity: Certificate;
  readonly #httpPort: number;

  constructor(httpPort: number, identity: Certificate) {
    this.identity = identity;
    this.#httpPort = httpPort;
  }

  /** One for each request: an answer without HttpsPort would make it forget the port. */
  get #http(): HostHttpClient {
    const endpoint = { address: '127.0.0.1', httpPort: this.#httpPort };
    return new HostHttpClient({ endpoint, identity: this.identity });
  }

  async http(path: string, query: Query = [], signal?: AbortSignal): Promise<MoonlightXml> {
    return this.#get(path, query, { secure: false, signal });
  }

  async https(path: string, query: Query = [], signal?: AbortSignal): Promise<MoonlightXml> {
    return this.#get(path, query, { secure: true, signal });
  }

  getBytes(path: string, query: Query): ReturnType<HostHttpClient['getBytes']> {
    return this.#http.getBytes(path, query, { secure: true, timeoutMs: TIMEOUT_MS });
  }

  pair(pin: string): Promise<string> {
    return pairWithHost(this.#http, { pin, signal: AbortSignal.timeout(TIMEOUT_MS) });
  }

  async #get(
    path: string,
    query: Query,
    { secure, signal }: { secure: boolean; signal: AbortSignal | undefined },
  ): Promise<MoonlightXml> {
    const options = { secure, timeoutMs: TIMEOUT_MS, ...(signal === undefined ? {} : { signal }) };
    return (await this.#http.get(path, query, options)).xml;
  }
}

/** The query of a launch or resume, as lgs sends it. */
export function launchQuery(changes: Readonly<Record<string, string | undefined>> = {}): Query {
  const all: Record<string, string | undefined> = {
    appid: '7',
    mode: '1280x720x60',
    additionalStates: '1',
    sops: '0',
    rikey: RIKEY,
    rikeyid: '-944100557',
    localAudioPlayMode: '0',
    surroundAudioInfo: '196610',
    corever: '1',
    ...changes,
  };
  return Object.entries(all).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  );
}

/** What came over a raw socket: the head, and the XML of the body. */
export function parseRaw(text: string): { head: string; xml: MoonlightXml | undefined } {
  const [head = '', body = ''] = text.split('\r\n\r\n', 2);
  return { head, xml: parseMoonlightXml(body) };
}

/** Lets the client in without the five steps. */
export async function letIn(bench: Bench, client: TestClient, pin = '1234'): Promise<void> {
  const paired = client.pair(pin);
  await enterPins(bench, pin, 1);
  await paired;
}

/** Enters `pin` for every exchange, once `count` of them wait. @returns their outcomes. */
export async function enterPins(bench: Bench, pin: string, count: number): Promise<string[]> {
  while (bench.exchanges.pending().filter(({ awaitsPin }) => awaitsPin).length < count) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  const outcomes = bench.exchanges.pending().map(({ id }) => bench.exchanges.enterPin(id, pin));
  return Promise.all(outcomes.map(async (outcome) => (await outcome) ?? 'unknown'));
}

/** An operator that readies every generation of every session at once. @returns how to stop it. */
export function operate(bench: Bench, streamURL = 'rtspenc://label-of-session:48010'): () => void {
  const rows = bench.table.writer('session');
  const answer = async (id: string): Promise<void> => {
    const [launch, session] = await Promise.all([
      bench.table.reader.get('launch', id),
      bench.sessions.get(id),
    ]);
    if (launch === undefined || session === undefined) return;
    const { generation, clientAddress: address } = launch;
    if ((session.status?.launchGeneration ?? 0) >= generation) return;
    await rows.put(sessionRow({ id, generation, state: 'ready', client: { address } }));
    await bench.sessions.patchStatus(id, { phase: 'Ready', launchGeneration: generation, streamURL });
  };
  const stops = [
    bench.table.reader.watch(({ kind, id }) => {
      if (kind === 'launch') void answer(id);
    }),
    bench.sessions.watch(({ type, object }) => {
      if (type === 'added') void answer(object.metadata.name);
      if (type === 'deleted') void rows.remove(object.metadata.name);
    }),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}
