/**
 * What the rows of a session ask of the relay: a flow for each generation that is ready, the end of those that are
 * over, and where the host is. Level-triggered: `reconcile` looks at the rows as they are.
 */
import { isIPv4, isIPv6 } from 'node:net';
import { SS_ENC } from '../core/protocol/sdp.ts';
import type { Logger } from '../core/runtime/log.ts';
import { canonicalAddress, isForbiddenUpstream } from '../core/runtime/address.ts';
import type { Sealer } from '../core/runtime/seal.ts';
import { sessionOf } from '../core/session/flows.ts';
import type { TableFollower } from '../core/session/follow.ts';
import type { FlowRecord, SessionRecord, StreamRecord } from '../core/session/record.ts';
import type { RelaySettings } from './config.ts';
import type { RelayContext } from './context.ts';
import { releaseHeldConnect } from './control/connect.ts';
import type { StreamKind } from './counts/counters.ts';
import { endGeneration } from './ending/ending.ts';
import { restoreFlow } from './flow/flow-rows.ts';
import { Flow, type Leg } from './flow/flow.ts';
import { pingHost } from './media/host-ping.ts';
import type { SlotPool } from './ports/slots.ts';
import type { UdpPort } from './ports/udp-port.ts';

const KEY_SIZE = 16;

export interface SessionsDeps {
  relay: RelayContext;
  settings: RelaySettings;
  follower: TableFollower<'session' | 'stream'>;
  slots: SlotPool;
  sealer: Sealer;
  downstream: Readonly<Record<StreamKind, UdpPort>>;
  log: Logger;
}

type Endpoint = NonNullable<StreamRecord['video']>;

export class Sessions {
  readonly #deps: SessionsDeps;
  /** Rows of this relay's name that stood when it started, by session, until that is seen; bounded by the table. */
  readonly #standing = new Map<string, FlowRecord>();

  constructor(deps: SessionsDeps) {
    this.#deps = deps;
  }

  /** Takes over what earlier relays of this name wrote, and every session that stands. Once, after the follower's start. */
  begin(standing: readonly FlowRecord[]): void {
    for (const row of standing) {
      if (this.#deps.relay.rows.adopt(row)) this.#standing.set(sessionOf(row.id), row);
    }
    for (const { id } of [...this.#deps.follower.all('session')]) this.reconcile(id);
    for (const id of this.#standing.keys()) this.reconcile(id);
    this.#standing.clear();
  }

  /** Brings the flows of one session into line with its rows. */
  reconcile(id: string): void {
    const { relay, follower } = this.#deps;
    const session = follower.get('session', id);
    const flow = relay.flows.newestOf(id);
    if (session === undefined) {
      if (flow === undefined) relay.rows.remove(id);
      else flow.isOrphan = true;
      return;
    }
    if (flow !== undefined) flow.isOrphan = false;
    const isCurrent = flow !== undefined && isSame(flow, session);
    if (isCurrent) flow.isPaused = session.state === 'paused';
    if (flow !== undefined && (!isCurrent || session.state === 'ended')) endGeneration(relay, flow);
    if (!isCurrent) this.#follow(session, flow);
    this.#applyStream(id);
  }

  /** Forgets a flow that has ended and lingered, and the row of a session that is gone. */
  forget(flow: Flow): void {
    const { relay, follower, slots } = this.#deps;
    relay.flows.delete(flow);
    relay.engine.remove(flow);
    slots.release(flow.slot);
    const isGone = follower.get('session', flow.id) === undefined;
    if (isGone && relay.flows.newestOf(flow.id) === undefined) relay.rows.remove(flow.id);
  }

  /** A session row whose generation this relay has no flow of; `former` is the flow that it replaces. */
  #follow(session: SessionRecord, former: Flow | undefined): void {
    const { rows } = this.#deps.relay;
    const { id, generation, state } = session;
    if (state === 'pending') {
      if (former === undefined && generation > 1) rows.saveClosed(id, generation - 1);
      return;
    }
    if (state === 'ended') {
      if (former === undefined) rows.saveClosed(id, generation);
      return;
    }
    if (former !== undefined || !rows.isClosed(id, generation)) this.#open(session);
  }

  #open(session: SessionRecord): void {
    const { relay, slots, downstream, log } = this.#deps;
    const { id, generation, upstream } = session;
    const hostAddress = session.host?.rtsp.address ?? upstream.address;
    const slot = relay.flows.isFull ? undefined : slots.acquire(upstream.address, hostAddress, upstream.slot);
    if (slot === undefined) {
      log.error({ sessionId: id, slot: upstream.slot }, 'no room for another flow');
      return;
    }
    const openedAtMs = relay.clock.nowMs;
    const flow = new Flow({ session, rikey: this.#unseal(session), slot, downstream, openedAtMs });
    const row = this.#standing.get(id);
    if (row?.generation === generation) {
      restoreFlow(flow, row, { nowMs: relay.clock.nowMs, spell: (address) => this.#spell(address) });
    }
    relay.flows.add(flow);
    relay.rows.save(flow);
    log.info({ sessionId: id, generation, slot: slot.index, status: flow.status }, 'flow opened');
  }

  /** A session whose key does not open still streams; it cannot roam and gets nothing from the relay itself. */
  #unseal({ id, keys }: SessionRecord): Uint8Array | undefined {
    try {
      const key = this.#deps.sealer.open(keys.rikey);
      if (key.length === KEY_SIZE) return key;
      this.#deps.log.error({ sessionId: id, bytes: key.length }, 'session key has the wrong size');
    } catch (err) {
      this.#deps.log.error({ sessionId: id, err }, 'session key does not open');
    }
    return undefined;
  }

  /** A canonical address as the public sockets spell it. */
  #spell(address: string): string {
    const isMapped = isIPv6(this.#deps.settings.bindAddress) && isIPv4(address);
    return isMapped ? `::ffff:${address}` : address;
  }

  #applyStream(id: string): void {
    const { relay, follower } = this.#deps;
    const flow = relay.flows.newestOf(id);
    const stream = follower.get('stream', id);
    if (flow === undefined || stream?.generation !== flow.generation) return;
    const { video, audio, control } = stream;
    flow.encryptionEnabled = stream.encryptionEnabled ?? 0;
    flow.reception.isEncrypted = (flow.encryptionEnabled & SS_ENC.VIDEO) !== 0;
    if (video !== undefined) this.#applyMedia(flow.video, video);
    if (audio !== undefined) this.#applyMedia(flow.audio, audio);
    if (control !== undefined && this.#applyHost(flow.control, control)) {
      flow.peer.hostConnectData = control.connectData;
    }
    relay.engine.upsert(flow);
    releaseHeldConnect(flow);
    pingHost(relay, flow.audio);
    pingHost(relay, flow.video);
  }

  #applyMedia(leg: Leg, endpoint: Endpoint): void {
    if (this.#applyHost(leg, endpoint)) leg.hostPingPayload = endpoint.pingPayload;
  }

  /** @returns `false`, leaving the leg as it is, for an address that the relay never sends to. */
  #applyHost(leg: Leg, { address, port }: { address: string; port: number }): boolean {
    const { settings, log } = this.#deps;
    if (isForbiddenUpstream(address, settings)) {
      log.error({ sessionId: leg.flow.id, stream: leg.stream, address }, 'host address is forbidden');
      return false;
    }
    leg.hostAddress = canonicalAddress(address);
    leg.hostPort = port;
    return true;
  }
}

/** Whether `session` is still about the generation that `flow` serves: what a flow is made of never changes. */
function isSame(flow: Flow, { generation, tokens, upstream }: SessionRecord): boolean {
  return (
    flow.generation === generation &&
    flow.tokens.pingPayload === tokens.pingPayload &&
    flow.tokens.connectData === tokens.connectData &&
    flow.tokens.peerId === tokens.peerId &&
    flow.slot.index === upstream.slot
  );
}
