/** The relay's own rows: what others learn of a flow, and what a relay that takes over starts from. */
import { canonicalAddress } from '../../core/runtime/address.ts';
import type { Logger } from '../../core/runtime/log.ts';
import { flowRowId, sessionOf } from '../../core/session/flows.ts';
import type { FlowRecord } from '../../core/session/record.ts';
import type { TableWriter } from '../../core/session/table.ts';
import { NEVER, type CoarseClock } from '../clock/clock.ts';
import { clientSeenMs, UNKNOWN, type Flow, type Leg } from './flow.ts';
import { qualityOf, restoreQuality } from '../counts/quality.ts';

/** Host ping counters of a restored flow start here, above any that the relay before it can have sent. */
const RESTORED_PING_COUNTER = 1 << 20;

/** While the table refuses rows, those of streams that go on are tried so seldom. */
const RETRY_MS = 1_000;

export interface FlowRowsDeps {
  /** Whoever acts under the same name takes up what this relay wrote. */
  relayName: string;
  flows: TableWriter<'flow'>;
  clock: CoarseClock;
  log: Logger;
}

/** Writes flow rows. A row that could not be written is written again with the next one that is due. */
export class FlowRows {
  readonly #deps: FlowRowsDeps;
  /** This relay's row of each session, as far as it is known; bounded by the sessions in the table. */
  readonly #standing = new Map<string, Pick<FlowRecord, 'generation' | 'status'>>();
  /** When the table last refused a row; `NEVER` while it takes them. */
  #failedAtMs = NEVER;

  constructor(deps: FlowRowsDeps) {
    this.#deps = deps;
  }

  /**
   * Takes note of a row that an earlier relay wrote, if it went by the name of this one, or by none as older versions
   * did. @returns whether it did.
   */
  adopt({ id, generation, status }: FlowRecord): boolean {
    const session = sessionOf(id);
    const isNameless = id === session;
    if (!isNameless && id !== this.#idOf(session)) return false;
    this.#standing.set(session, { generation, status });
    if (isNameless) this.#remove(id);
    return true;
  }

  /** Whether the table says that this generation, or a later one, is closed. */
  isClosed(id: string, generation: number): boolean {
    const row = this.#standing.get(id);
    return row?.status === 'closed' && row.generation >= generation;
  }

  ids(): IterableIterator<string> {
    return this.#standing.keys();
  }

  /** Writes what `flow` is now. */
  save(flow: Flow): void {
    const { clock } = this.#deps;
    flow.savedAtMs = clock.nowMs;
    const isRefused = this.#failedAtMs !== NEVER && clock.nowMs - this.#failedAtMs < RETRY_MS;
    if (isRefused && flow.status === 'live') {
      flow.savedActivity = UNKNOWN;
      return;
    }
    flow.savedActivity = activityOf(flow);
    this.#put(flow.id, toRow(flow, clock), () => {
      flow.savedActivity = UNKNOWN;
    });
  }

  /** Answers `closed` for a generation that this relay has no flow of. */
  saveClosed(id: string, generation: number): void {
    if (this.isClosed(id, generation)) return;
    const none = { video: 0, audio: 0 };
    this.#put(
      id,
      {
        generation,
        status: 'closed',
        client: {},
        pingCounters: none,
        lastSeenAt: 0,
        datagrams: { ...none, control: 0 },
        bytes: { ...none, control: 0 },
      },
      () => {
        this.#standing.delete(id);
      },
    );
  }

  /** Removes the row of a session that is over. */
  remove(id: string): void {
    if (this.#standing.delete(id)) this.#remove(this.#idOf(id));
  }

  #remove(rowId: string): void {
    this.#deps.flows.remove(rowId).catch((err: unknown) => {
      this.#deps.log.warn({ rowId, err }, 'flow row cannot be removed');
    });
  }

  #idOf(id: string): string {
    return flowRowId(id, this.#deps.relayName);
  }

  /** @param id of the session */
  #put(id: string, row: Omit<FlowRecord, 'id'>, onFailure: () => void): void {
    const { flows, clock, log } = this.#deps;
    const { generation, status } = row;
    this.#standing.set(id, { generation, status });
    flows.put({ id: this.#idOf(id), ...row }).then(
      () => {
        this.#failedAtMs = NEVER;
      },
      (err: unknown) => {
        // Told once, not with each of the rows that are tried again.
        if (this.#failedAtMs === NEVER) log.warn({ sessionId: id, err }, 'flow rows cannot be written');
        this.#failedAtMs = clock.nowMs;
        onFailure();
      },
    );
  }
}

/** A number that grows whenever something worth a row happens to `flow`. */
export function activityOf(flow: Flow): number {
  const { control, video, audio, peer, rates } = flow;
  return (
    control.datagrams +
    video.datagrams +
    audio.datagrams +
    video.pingCounter +
    audio.pingCounter +
    peer.highestSeq +
    rates.changes
  );
}

/** The row of `flow`, but for its id. */
export function toRow(flow: Flow, clock: CoarseClock): Omit<FlowRecord, 'id'> {
  const { generation, status, control, video, audio } = flow;
  return {
    generation,
    status,
    client: { ...endpoint('control', control), ...endpoint('video', video), ...endpoint('audio', audio) },
    ...toControl(flow),
    pingCounters: { audio: audio.pingCounter, video: video.pingCounter },
    lastSeenAt: clock.toEpochMs(clientSeenMs(flow)),
    datagrams: { video: video.datagrams, audio: audio.datagrams, control: control.datagrams },
    bytes: { video: video.bytes, audio: audio.bytes, control: control.bytes },
    isFrozen: flow.isFrozen,
    quality: qualityOf(flow),
  };
}

function endpoint<S extends string>(
  stream: S,
  leg: Leg,
): Partial<Record<S, { address: string; port: number }>> {
  if (leg.clientPort === 0) return {};
  const known = { address: canonicalAddress(leg.clientAddress), port: leg.clientPort };
  return { [stream]: known } as Record<S, typeof known>;
}

function toControl({ peer }: Flow): Pick<FlowRecord, 'control'> {
  if (peer.connectID === UNKNOWN) return {};
  const { connectID, clientPeerID, highestSeq, hostPeerID, hostSessionID, clientSessionID } = peer;
  const asked = { connectID, clientPeerID, highestSeq };
  if (hostPeerID === UNKNOWN) return { control: asked };
  return { control: { ...asked, hostPeerID, hostSessionID, clientSessionID } };
}

/**
 * What an earlier relay wrote of this generation becomes the state of a new `flow`.
 *
 * @param spell - a canonical address as the public sockets spell it
 */
export function restoreFlow(
  flow: Flow,
  row: FlowRecord,
  { nowMs, spell }: { nowMs: number; spell: (address: string) => string },
): void {
  flow.status = row.status;
  for (const stream of ['control', 'video', 'audio'] as const) {
    const known = row.client[stream];
    const leg = flow[stream];
    if (known !== undefined) {
      leg.clientAddress = spell(known.address);
      leg.clientPort = known.port;
      leg.clientSeenMs = nowMs;
      leg.firstPingMs = nowMs;
    }
    leg.datagrams = row.datagrams[stream];
    leg.bytes = row.bytes[stream];
  }
  for (const stream of ['video', 'audio'] as const) {
    flow[stream].pingCounter = row.pingCounters[stream];
    flow[stream].hostPingCounter = RESTORED_PING_COUNTER + row.pingCounters[stream];
  }
  restoreQuality(flow, row.quality);
  restorePeer(flow, row);
}

function restorePeer(flow: Flow, { control }: FlowRecord): void {
  if (control === undefined) return;
  const { peer, picture, status } = flow;
  peer.connectID = control.connectID;
  peer.clientPeerID = control.clientPeerID;
  peer.highestSeq = control.highestSeq;
  if (control.hostPeerID === undefined) return;
  peer.hostPeerID = control.hostPeerID;
  peer.hostSessionID = control.hostSessionID ?? 0;
  peer.clientSessionID = control.clientSessionID ?? 0;
  peer.hasDisconnect = status !== 'live';
  peer.hasLeftHost = status === 'silent';
  flow.control.isEstablished = true;
  picture.state = 'settled';
}
