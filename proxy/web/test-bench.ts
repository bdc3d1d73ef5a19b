/** A console over hand-made facts, asked without a socket. */
import type { LightMyRequestResponse } from 'fastify';
import { setImmediate } from 'node:timers/promises';
import { Registry } from 'prom-client';
import type { Pairing, Session, SessionStatus, User } from '../../core/crd/types.ts';
import type { HistoryEvent } from '../../core/history/event.ts';
import type { CatalogApp, HostState } from '../../core/host/catalog.ts';
import { GleipnirError } from '../../core/runtime/errors.ts';
import { createLogger } from '../../core/runtime/log.ts';
import { flowRowId } from '../../core/session/flows.ts';
import type { FlowRecord } from '../../core/session/record.ts';
import type { TableChange } from '../../core/session/table.ts';
import type { PairingOutcome } from '../pairing/outcome.ts';
import type { PendingExchange } from '../pairing/types.ts';
import type { About } from './overview.ts';
import { createWebServer, type WebConfig, type WebDeps, type WebServer } from './server.ts';

export const HOST = 'localhost:47990';
/** What a browser says when it sends a form of this console. */
export const OWN = { host: HOST, 'sec-fetch-site': 'same-origin' };
export const NOW = Date.parse('2026-02-03T04:05:48Z');

export const PENDING: PendingExchange = {
  id: '4ade85a2-2e8b-46d7-a944-8ebdfafeb4a7',
  address: '192.0.2.9',
  fingerprint: 'ab12cd34'.repeat(8),
  since: NOW - 42_000,
  awaitsPin: true,
};
export const ATTIC: HostState = {
  name: 'attic',
  address: '192.0.2.5',
  state: 'up',
  problem: null,
  capacity: 4,
  used: 1,
  apps: ['Doom', 'Test card'],
  notices: [],
  labels: { room: 'attic' },
};

export const ABOUT: About = {
  version: '1.2.3',
  addresses: ['192.0.2.1', '198.51.100.1'],
  awayAddress: null,
  datapath: { engine: 'userspace', reason: 'configured' },
};

export function pairingOf(name: string, spec: Partial<Pairing['spec']> = {}): Pairing {
  return {
    kind: 'Pairing',
    metadata: { name, uid: name, generation: 1, creationTimestamp: '2026-01-01T00:00:00.000Z' },
    spec: { userReference: { name }, clientCertPEM: 'pem', fingerprint: 'ef'.repeat(32), ...spec },
  };
}

export function sessionOf(name: string, pairing: Pairing, status?: Partial<SessionStatus>): Session {
  const session: Session = {
    kind: 'Session',
    metadata: { name, uid: name, generation: 1, creationTimestamp: '2026-02-03T04:00:00.000Z' },
    spec: {
      userReference: pairing.spec.userReference,
      pairingReference: { name: pairing.metadata.name },
      gameReference: { name: '7' },
    },
  };
  if (status === undefined) return session;
  return { ...session, status: { phase: 'Streaming', launchGeneration: 1, hostName: 'attic', ...status } };
}

export function flowOf(id: string, row: Partial<FlowRecord> = {}): FlowRecord {
  const none = { video: 0, audio: 0 };
  return {
    id: flowRowId(id, 'edge'),
    generation: 1,
    status: 'live',
    client: {},
    pingCounters: none,
    lastSeenAt: NOW,
    datagrams: { ...none, control: 0 },
    bytes: { ...none, control: 0 },
    quality: {
      videoBps: 19_500_000,
      audioBps: 500_000,
      videoLost: 5,
      videoDatagrams: 995,
      jitterMs: 0.42,
      rttMs: 12.4,
      fecReports: 3,
    },
    ...row,
  };
}

/** Change what there is, then ask. */
export interface Bench {
  web: WebServer;
  pending: PendingExchange[];
  pairings: Map<string, Pairing>;
  users: User[];
  sessions: Map<string, Session>;
  flows: Map<string, FlowRecord>;
  /** Stores a row, and resolves when those who follow the table know it. */
  flow: (row: FlowRecord) => Promise<void>;
  hosts: HostState[];
  /** PINs that hosts wait for, by host name. */
  pins: Map<string, string>;
  apps: CatalogApp[];
  /** Box art by app, as a host would send it. */
  art: Map<number, Uint8Array>;
  about: About;
  /** What the history holds, newest last. */
  events: HistoryEvent[];
  /** What reading it fails with. */
  historyFailure: Error | undefined;
  /** Arguments of `enterPin`, and what it answers. */
  entered: unknown[];
  outcome: Promise<PairingOutcome> | undefined;
  register: Registry;
  logged: () => string;
  get: (
    url?: string,
    headers?: Record<string, string>,
    remoteAddress?: string,
  ) => Promise<LightMyRequestResponse>;
  /** Sends a form as a browser does, with the token of the page that it is on. */
  post: (
    url: string,
    fields: Record<string, string>,
    headers?: Record<string, string>,
  ) => Promise<LightMyRequestResponse>;
}

const HOSTNAME = '<Wolf & "Co">';

export function openBench(config: Partial<WebConfig> = {}, hostname = HOSTNAME): Bench {
  const lines: string[] = [];
  const log = createLogger('trace', { write: (line) => lines.push(line) });
  const register = new Registry();
  const followers = new Set<(change: TableChange) => void>();
  const facts: Omit<Bench, 'web' | 'get' | 'post' | 'logged' | 'flow'> = {
    pending: [],
    pairings: new Map(),
    users: [],
    sessions: new Map(),
    flows: new Map(),
    hosts: [ATTIC],
    pins: new Map(),
    apps: [{ id: 7, title: 'Test card', isHdrSupported: false }],
    art: new Map(),
    about: ABOUT,
    events: [],
    historyFailure: undefined,
    entered: [],
    outcome: undefined,
    register,
  };
  const bench: Bench = {
    ...facts,
    web: createWebServer({
      config: { bindAddress: '127.0.0.1', port: 0, ...config },
      hostname,
      now: () => NOW,
      log,
      health: () => ({ part: 'well' }),
      register,
      outcomeWaitMs: 20,
      about: () => bench.about,
      ...readersOf(() => bench, followers),
    }),
    flow: async (row) => {
      bench.flows.set(row.id, row);
      for (const follower of followers) follower({ kind: 'flow', id: row.id });
      await setImmediate();
    },
    logged: () => lines.join(''),
    get: (url = '/', headers = { host: HOST }, remoteAddress = '127.0.0.1') =>
      bench.web.app.inject({ method: 'GET', url, headers, remoteAddress }),
    post: async (url, fields, headers = {}) => {
      const page = await bench.get(url === '/login' ? '/login' : '/clients', { ...OWN, ...headers });
      const [, token = ''] = /name="token" value="([^"]+)"/.exec(page.body) ?? [];
      const payload = new URLSearchParams({ token, ...fields }).toString();
      const type = { 'content-type': 'application/x-www-form-urlencoded' };
      return bench.web.app.inject({ method: 'POST', url, payload, headers: { ...OWN, ...type, ...headers } });
    },
  };
  return bench;
}

/** Objects that change are not announced: they are seen when they are asked for. */
const watch = () => () => undefined;

function readersOf(
  bench: () => Bench,
  followers: Set<(change: TableChange) => void>,
): Pick<WebDeps, 'exchanges' | 'users' | 'pairings' | 'sessions' | 'table' | 'catalog' | 'history'> {
  return {
    exchanges: {
      pending: () => bench().pending,
      enterPin: (...args) => {
        bench().entered.push(args);
        return Promise.resolve(bench().outcome);
      },
      onEnd: watch,
    },
    users: { list: () => Promise.resolve(bench().users) },
    pairings: {
      watch,
      get: (name) => Promise.resolve(bench().pairings.get(name)),
      list: () => Promise.resolve([...bench().pairings.values()]),
      update: (name, spec) => {
        const standing = bench().pairings.get(name);
        if (standing === undefined) return Promise.reject(new GleipnirError('OBJECT_NOT_FOUND', 'gone'));
        bench().pairings.set(name, { ...standing, spec });
        return Promise.resolve({ ...standing, spec });
      },
      delete: (name) => Promise.resolve(void bench().pairings.delete(name)),
    },
    sessions: {
      watch,
      list: () => Promise.resolve([...bench().sessions.values()]),
      delete: (name) => Promise.resolve(void bench().sessions.delete(name)),
    },
    table: {
      watch: (listener) => {
        followers.add(listener);
        return () => followers.delete(listener);
      },
      get: (_kind, id) => Promise.resolve(bench().flows.get(id) as never),
      list: () => Promise.resolve([...bench().flows.values()] as never),
    },
    history: {
      append: (event) => {
        bench().events.push(event);
        return Promise.resolve('stored');
      },
      read: async function* () {
        await Promise.resolve();
        const { historyFailure, events } = bench();
        if (historyFailure !== undefined) throw historyFailure;
        yield* events.toReversed();
      },
    },
    catalog: {
      list: () => bench().apps,
      asset: (appId) => {
        const bytes = bench().art.get(appId);
        return Promise.resolve(bytes && { type: 'image/png', bytes });
      },
      hosts: () => bench().hosts,
      awaitedPins: () =>
        [...bench().pins].map(([hostName, pin]) => ({ hostName, address: ATTIC.address, pin })),
    },
  };
}
