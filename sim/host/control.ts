/**
 * The control stream of the simulated host: who may connect, what clients say (encrypted, v1 or v2), and the
 * termination they are told. ENet itself is `sim/enet`.
 */
import { readU32LE, writeU32 } from '../../core/protocol/bytes.ts';
import {
  CONTROL_TYPE,
  openControlMessage,
  sealControlMessage,
  TERMINATION_GRACEFUL,
  type ControlCipher,
  type ControlMessage,
} from '../../core/protocol/enet/control.ts';
import { SS_ENC } from '../../core/protocol/sdp.ts';
import type { Logger } from '../../core/runtime/log.ts';
import { EnetHost } from '../enet/host.ts';
import type { EnetPeer } from '../enet/peer.ts';
import type { SimClock } from './clock.ts';
import type { WolfHabits } from './habits.ts';
import type { SimSession } from './session.ts';
import type { Found, Sessions } from './sessions.ts';
import type { Destination, SimStream } from './stream.ts';

const TICK_MS = 10;
const PEERS_MAX = 32;
const CHANNEL_GENERIC = 0;
/** A client says goodbye after a termination; one that does not is gone by then. */
const GOODBYE_MS = 2000;
/** Input packets: u32 BE size, u32 LE kind. Source: moonlight-common-c `Input.h`. */
const INPUT_KIND_OFFSET = 4;
const PRESSES: ReadonlySet<number> = new Set([
  0x03, // KEY_DOWN_EVENT_MAGIC
  0x08, // MOUSE_BUTTON_DOWN_EVENT_MAGIC_GEN5
]);

export interface ControlDeps {
  clock: SimClock;
  sessions: Sessions;
  habits: WolfHabits;
  transmit: (datagram: Uint8Array, destination: Destination) => void;
  log: Logger;
}

/** What a connection belongs to, for as long as it stands. */
interface Connection extends Found {
  cipher: Omit<ControlCipher, 'sender'>;
  /** seq of the next message to the client. */
  seq: number;
}

/** All control connections. */
export class ControlServer {
  readonly #deps: ControlDeps;
  readonly #enet: EnetHost;
  /** At most PEERS_MAX: one per ENet peer. */
  readonly #connections = new Map<EnetPeer, Connection>();
  /** Time-outs of peers that were told the end; at most one per termination of a peer. */
  readonly #goodbyes = new Set<() => void>();
  #cancelTick: (() => void) | undefined;

  constructor(deps: ControlDeps) {
    this.#deps = deps;
    this.#enet = new EnetHost({
      now: deps.clock.nowMs,
      transmit: (datagram, address, port) => {
        deps.transmit(datagram, { address, port });
      },
      accept: (data, source) => deps.sessions.findByConnectData(data, source.address) !== undefined,
      peersMax: PEERS_MAX,
      events: {
        onConnect: (peer) => {
          this.#connected(peer);
        },
        onMessage: (peer, _channelID, payload) => {
          this.#message(peer, payload);
        },
        onDisconnect: (peer, reason) => {
          this.#disconnected(peer, reason);
        },
      },
    });
  }

  /** Takes one datagram of the control port. */
  receive(datagram: Uint8Array, source: Destination): void {
    this.#enet.receive(datagram, source);
  }

  start(): void {
    this.#cancelTick = this.#deps.clock.after(TICK_MS, () => {
      this.#enet.tick();
      this.start();
    });
  }

  /** Says goodbye to everybody. */
  stop(): void {
    this.#cancelTick?.();
    for (const cancel of this.#goodbyes) cancel();
    for (const peer of this.#enet.peers) peer.disconnectNow();
  }

  /** Tells every client of `session` that its game is over. Wolf then leaves the end to the client. */
  terminate(session: SimSession): void {
    const payload = new Uint8Array(4);
    writeU32(payload, 0, TERMINATION_GRACEFUL);
    for (const [peer, connection] of this.#connections) {
      if (connection.session !== session) continue;
      this.#send(peer, connection, { type: CONTROL_TYPE.TERMINATION, payload });
      if (this.#deps.habits.stalePeerPause) continue;
      const cancel = this.#deps.clock.after(GOODBYE_MS, () => {
        this.#goodbyes.delete(cancel);
        peer.disconnectNow();
      });
      this.#goodbyes.add(cancel);
    }
  }

  /** Ends the connections of `session` but that of its newest stream. */
  dropStale(session: SimSession): void {
    for (const [peer, connection] of [...this.#connections]) {
      if (connection.session === session && connection.stream !== session.stream) peer.disconnectNow();
    }
  }

  #connected(peer: EnetPeer): void {
    const address = this.#enet.sourceOf(peer)?.address ?? '';
    const found = this.#deps.sessions.findByConnectData(peer.data, address);
    if (found === undefined) {
      peer.disconnectNow();
      return;
    }
    this.#connections.set(peer, { ...found, cipher: cipherOf(found.stream), seq: 0 });
    found.session.setConnected(found.stream, true);
    this.#deps.sessions.tell('ResumeStreamEvent', found.session);
    this.#deps.log.info({ client: address, appId: found.session.appId }, 'control connected');
  }

  #message(peer: EnetPeer, bytes: Uint8Array): void {
    const connection = this.#connections.get(peer);
    if (connection === undefined) return;
    const message = openControlMessage(bytes, { ...connection.cipher, sender: 'client' });
    if (message !== undefined) this.#handle(connection, message);
  }

  #handle({ session, stream }: Connection, { type, payload }: ControlMessage): void {
    switch (type) {
      case CONTROL_TYPE.START_A_REQUEST_IDR:
        session.requestIdr();
        break;
      case CONTROL_TYPE.INPUT:
        if (payload.length < INPUT_KIND_OFFSET + 4) break;
        session.input(PRESSES.has(readU32LE(payload, INPUT_KIND_OFFSET)));
        break;
      case CONTROL_TYPE.TERMINATION:
        if (session.stream === stream) session.pause();
        break;
      default:
        // Pings, statistics and what else a client may say need no answer.
        break;
    }
  }

  /** Wolf pauses by identity: whatever stream that client has now. */
  #disconnected(peer: EnetPeer, reason: string): void {
    const connection = this.#connections.get(peer);
    if (connection === undefined) return;
    this.#connections.delete(peer);
    const { session, stream } = connection;
    session.setConnected(stream, false);
    this.#deps.sessions.tell('PauseStreamEvent', session);
    stream.end();
    const current = this.#deps.sessions.get(session.fingerprint);
    if (this.#deps.habits.stalePeerPause && current?.stream.isStreaming === true) current.pause();
    this.#deps.log.info({ reason, appId: session.appId }, 'control disconnected');
  }

  #send(peer: EnetPeer, connection: Connection, message: Omit<ControlMessage, 'seq'>): void {
    const sealed = sealControlMessage(
      { ...message, seq: connection.seq },
      { ...connection.cipher, sender: 'host' },
    );
    connection.seq += 1;
    peer.send(CHANNEL_GENERIC, sealed, 'reliable');
  }
}

function cipherOf(stream: SimStream): Omit<ControlCipher, 'sender'> {
  const isV2 = ((stream.announce?.encryptionEnabled ?? 0) & SS_ENC.CONTROL_V2) !== 0;
  return { key: stream.request.query.rikey, version: isV2 ? 'v2' : 'v1' };
}
