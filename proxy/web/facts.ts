/**
 * What the console shows, put together from the stores, the session table and the catalog: as JSON for the API, and
 * for the pages. A list's version changes with everything in it but the figures of running streams.
 */
import { hash } from 'node:crypto';
import type { Pairing, Session, SessionPhase } from '../../core/crd/types.ts';
import type { AppCatalog, CatalogApp, HostState } from '../../core/host/catalog.ts';
import { newestFlows } from '../../core/session/flows.ts';
import type { FlowRecord } from '../../core/session/record.ts';
import type { TableReader } from '../../core/session/table.ts';
import type { ObjectStore } from '../../core/store/object-store.ts';
import type { SessionNames } from '../history/recorder.ts';
import type { PairingExchanges } from '../pairing/exchange.ts';
import { fingerprintOfPairing } from '../../core/store/pairing-client.ts';
import type { PendingExchange } from '../pairing/types.ts';
import { UNNAMED_CLIENT } from './format.ts';

/** How a stream does: figures of the relay, over the last seconds where not said otherwise. */
export interface QualityView {
  /** Video and audio together, bits per second. */
  bitrateBps: number;
  videoBps: number;
  audioBps: number;
  /** Of the video datagrams from the host, 0..100, since the client came. */
  lossPercent: number;
  /** Of video before the relay, ms. */
  jitterMs: number;
  /** Between client and relay, ms; `null` before it is known. */
  rttMs: number | null;
  /** Reports of unrepaired video from the client, since it came. */
  fecReports: number;
}

export interface SessionView {
  id: string;
  /** `null` for a client that is a person of its own. */
  person: string | null;
  /** Name of the client that plays, or of its Pairing. */
  client: string;
  app: string;
  appId: number;
  host: string | null;
  phase: SessionPhase;
  /** Whether no media comes although the client is there. */
  isFrozen: boolean;
  /** Of the launch, RFC 3339. */
  since: string;
  message: string | null;
  /** `null` while nothing streams. */
  quality: QualityView | null;
}

export interface ClientView {
  id: string;
  name: string | null;
  person: string | null;
  /** SHA-256 of the certificate, lower-case hex. */
  /** Empty where the Pairing holds no certificate. */
  fingerprint: string;
  /** Of the pairing, RFC 3339. */
  since: string;
  /** Title of the app that it plays. */
  playing: string | null;
}

export interface HostView extends HostState {
  /** To type at the host: 4 digits. */
  pin: string | null;
}

/** A list with the version that its page carries. */
export interface Listing<T> {
  version: string;
  items: T[];
}

export interface FactsDeps {
  exchanges: Pick<PairingExchanges, 'pending'>;
  pairings: Pick<ObjectStore<'Pairing'>, 'list'>;
  sessions: Pick<ObjectStore<'Session'>, 'list'>;
  table: Pick<TableReader, 'list'>;
  catalog: Pick<AppCatalog, 'asset' | 'awaitedPins' | 'hosts' | 'list'>;
}

/** Reads anew on every call. */
export class Facts {
  readonly #deps: FactsDeps;

  constructor(deps: FactsDeps) {
    this.#deps = deps;
  }

  /** Exchanges under way, oldest first. */
  pending(): Listing<PendingExchange> {
    const items = this.#deps.exchanges.pending();
    const asked = this.hosts().items.map(({ name, pin }) => [name, pin]);
    return { version: versionOf([items, asked]), items };
  }

  hosts(): Listing<HostView> {
    const pins = new Map(this.#deps.catalog.awaitedPins().map(({ hostName, pin }) => [hostName, pin]));
    const items = this.#deps.catalog.hosts().map((host) => ({ ...host, pin: pins.get(host.name) ?? null }));
    return { version: versionOf(items), items };
  }

  /** By name, those without one last. */
  async clients(): Promise<Listing<ClientView>> {
    const [pairings, sessions] = await Promise.all([this.#deps.pairings.list(), this.#deps.sessions.list()]);
    const items = pairings.map((pairing) => {
      const { metadata, spec } = pairing;
      const session = sessions.find((each) => playerOf(each) === metadata.name && !isOver(each));
      return {
        id: metadata.name,
        name: spec.clientName ?? null,
        person: personOf(spec.userReference.name, metadata.name),
        fingerprint: fingerprintOfPairing(pairing) ?? '',
        since: metadata.creationTimestamp,
        playing: session === undefined ? null : this.#titleOf(session),
      };
    });
    items.sort((one, other) => (one.name ?? '\uffff').localeCompare(other.name ?? '\uffff'));
    return { version: versionOf(items), items };
  }

  /** Newest first. */
  async sessions(): Promise<Listing<SessionView>> {
    const { pairings, sessions, table } = this.#deps;
    const listed = await Promise.all([pairings.list(), sessions.list(), table.list('flow')]);
    const known = new Map(listed[0].map((pairing) => [pairing.metadata.name, pairing]));
    const flows = newestFlows(listed[2]);
    const items = listed[1].map((session) => ({
      ...this.#describe(session, known),
      quality: qualityOf(session, flows.get(session.metadata.name)),
    }));
    items.sort((one, other) => other.since.localeCompare(one.since));
    const unmoving = items.map(({ quality, ...rest }) => [rest, quality === null]);
    return { version: versionOf(unmoving), items };
  }

  /** Apps that hosts offer now, by title. */
  apps(): readonly CatalogApp[] {
    return this.#deps.catalog.list();
  }

  /** Box art as a host sent it; `undefined` where there is none. */
  async art(appId: number): Promise<Uint8Array | undefined> {
    return (await this.#deps.catalog.asset(appId))?.bytes;
  }

  /** Whose a session is and what it plays, as it stands now. */
  async namesOf(session: Session): Promise<SessionNames> {
    const pairings = await this.#deps.pairings.list();
    return this.#namesOf(session, new Map(pairings.map((pairing) => [pairing.metadata.name, pairing])));
  }

  #namesOf(session: Session, pairings: ReadonlyMap<string, Pairing>): SessionNames {
    const { spec } = session;
    const player = playerOf(session);
    return {
      person: personOf(spec.userReference.name, spec.pairingReference.name),
      client: nameOf(pairings.get(player)),
      app: this.#titleOf(session),
    };
  }

  #describe(session: Session, pairings: ReadonlyMap<string, Pairing>): Omit<SessionView, 'quality'> {
    const { metadata, spec, status } = session;
    return {
      id: metadata.name,
      ...this.#namesOf(session, pairings),
      appId: Number(spec.gameReference.name),
      host: status?.hostName ?? null,
      phase: status?.phase ?? 'Pending',
      isFrozen: status?.isFrozen ?? false,
      since: metadata.creationTimestamp,
      message: status?.message ?? null,
    };
  }

  /** An app whose hosts are all down has no title any more. */
  #titleOf({ spec }: Session): string {
    const { name } = spec.gameReference;
    return this.#deps.catalog.list().find(({ id }) => String(id) === name)?.title ?? `App ${name}`;
  }
}

/** Name of the Pairing that plays: that of the launch, unless another client of the person took over. */
function playerOf({ spec, status }: Session): string {
  return status?.playedBy ?? spec.pairingReference.name;
}

/** For people, never an id: Pairings of old have no name. */
function nameOf(pairing: Pairing | undefined): string {
  return pairing === undefined ? 'Removed client' : (pairing.spec.clientName ?? UNNAMED_CLIENT);
}

function isOver({ status }: Session): boolean {
  return status?.phase === 'Ended';
}

function personOf(userName: string, pairingName: string): string | null {
  return userName === pairingName ? null : userName;
}

function qualityOf({ status }: Session, flow: FlowRecord | undefined): QualityView | null {
  if (flow?.quality === undefined || flow.status !== 'live') return null;
  if (flow.generation !== status?.launchGeneration) return null;
  const { videoBps, audioBps, videoLost, videoDatagrams, jitterMs, rttMs = null, fecReports } = flow.quality;
  const sent = videoLost + videoDatagrams;
  return {
    bitrateBps: videoBps + audioBps,
    videoBps,
    audioBps,
    lossPercent: sent === 0 ? 0 : (100 * videoLost) / sent,
    jitterMs,
    rttMs,
    fecReports,
  };
}

/** What a page carries to notice that `facts` changed. */
export function versionOf(facts: unknown): string {
  return hash('sha256', JSON.stringify(facts)).slice(0, 16);
}
