/**
 * One end of an ENet connection, sans I/O: datagrams and the time come in by calls, datagrams and events go out
 * by callbacks. It does what Moonlight's fork of ENet does (48 channels, no checksum, no compression, the
 * source of a datagram is not looked at), except for bandwidth limits and packet throttling.
 *
 *   connecting ----------VERIFY_CONNECT---> connected --disconnect--> disconnectLater -> disconnecting -> disconnected
 *   acknowledgingConnect --ACKNOWLEDGE---/           --DISCONNECT, time-out, disconnectNow-------------/
 *
 * Source: enet protocol.c and peer.c, as far as seen on the wire.
 */
import { parseEnetCommands, type EnetCommand } from '../../core/protocol/enet/command.ts';
import { parseEnetHeader, PEER_ID_UNASSIGNED, type EnetHeader } from '../../core/protocol/enet/header.ts';
import { packDatagrams } from './batch.ts';
import { IncomingMessages, type MessageCommand } from './incoming.ts';
import { ReliableQueue } from './outgoing.ts';
import { RoundTrip } from './round-trip.ts';
import { OutgoingSequences, type EnetCommandBody } from './sequences.ts';
import {
  ENET_DEFAULT_TIMEOUTS,
  ENET_MTU,
  ENET_PEER_CHANNEL,
  ENET_THROTTLE,
  ENET_WINDOW_SIZE,
  type EnetDisconnectReason,
  type EnetEvents,
  type EnetMode,
  type EnetPeerState,
  type EnetTimeouts,
} from './types.ts';

const PING_INTERVAL_MS = 500;

type Command<T extends EnetCommand['type']> = Extract<EnetCommand, { type: T }>;

/** How datagrams of this connection are labelled. */
export interface EnetIdentity {
  /** Our index for the other end, which it writes into its datagrams. */
  incomingPeerID: number;
  /** 0xfff: not known yet. */
  outgoingPeerID: number;
  /** 0..3; 0xff: not known yet. */
  incomingSessionID: number;
  outgoingSessionID: number;
}

export interface EnetPeerOptions {
  /** `connecting` sends CONNECT, `acknowledgingConnect` answers one with VERIFY_CONNECT. */
  state: 'connecting' | 'acknowledgingConnect';
  identity: EnetIdentity;
  channelCount: number;
  /** Raw, as read little-endian. */
  connectID: number;
  /** 32-bit number of the CONNECT: Moonlight's X-SS-Connect-Data. */
  data: number;
  /** Longest datagram to send, in bytes. */
  mtu?: number;
  /** ms, monotonic, any zero. */
  now: () => number;
  transmit: (datagram: Uint8Array) => void;
  events: EnetEvents;
}

/** One connection. Made by `connectEnet` (the client's end) or `EnetHost` (the host's). */
export class EnetPeer {
  readonly connectID: number;
  readonly data: number;
  #state: EnetPeerState;
  #timeouts = ENET_DEFAULT_TIMEOUTS;
  #channelCount: number;
  readonly #options: EnetPeerOptions;
  readonly #identity: EnetIdentity;
  readonly #mtu: number;
  readonly #roundTrip = new RoundTrip();
  readonly #sequences: OutgoingSequences;
  readonly #reliable = new ReliableQueue();
  readonly #incoming = new IncomingMessages();
  /** Emptied by every flush. */
  #acknowledgements: EnetCommand[] = [];
  #unreliable: EnetCommand[] = [];
  /** Events of the datagram in hand: told once it is answered. */
  #events: (() => void)[] = [];
  #lastReceiveMs = -PING_INTERVAL_MS;
  #disconnectData = 0;

  constructor(options: EnetPeerOptions) {
    this.#state = options.state;
    this.#options = options;
    this.#identity = { ...options.identity };
    this.#mtu = options.mtu ?? ENET_MTU;
    this.#sequences = new OutgoingSequences(this.#mtu);
    this.#channelCount = options.channelCount;
    this.connectID = options.connectID;
    this.data = options.data;
    this.#pushReliable(ENET_PEER_CHANNEL, this.#opening());
    this.#flush();
  }

  get state(): EnetPeerState {
    return this.#state;
  }

  /** Smoothed round-trip time, ms; 500 until the first acknowledgement. */
  get rttMs(): number {
    return this.#roundTrip.rttMs;
  }

  /** Peer ids and session bits in use. */
  get identity(): Readonly<EnetIdentity> {
    return this.#identity;
  }

  /** Whether something reliable waits for the other end's acknowledgement. */
  get hasUnacknowledged(): boolean {
    return !this.#reliable.isEmpty;
  }

  setTimeouts(timeouts: EnetTimeouts): void {
    this.#timeouts = timeouts;
  }

  /**
   * Sends one message; ignored unless connected. What exceeds the MTU goes as reliable fragments, as in ENet.
   *
   * @param channelID 0..channelCount - 1; others are ignored.
   */
  send(channelID: number, payload: Uint8Array, mode: EnetMode): void {
    if (this.#state !== 'connected' || channelID < 0 || channelID >= this.#channelCount) return;
    if (this.#sequences.needsFragments(payload.length)) {
      for (const fragment of this.#sequences.fragments(channelID, payload)) this.#reliable.push(fragment);
    } else if (mode === 'reliable') {
      this.#pushReliable(channelID, { type: 'sendReliable', data: payload });
    } else if (mode === 'unreliable') {
      this.#unreliable.push(this.#sequences.unreliable(channelID, payload));
    } else {
      this.#unreliable.push(this.#sequences.unsequenced(channelID, payload));
    }
    this.#flush();
  }

  /** Says goodbye once everything reliable is acknowledged, and waits for the acknowledgement of that, too. */
  disconnect(data = 0): void {
    if (this.#state !== 'connected') {
      if (this.#state === 'connecting' || this.#state === 'acknowledgingConnect') this.disconnectNow(data);
      return;
    }
    this.#disconnectData = data;
    this.#state = 'disconnectLater';
    this.#continueDisconnect();
    this.#flush();
  }

  /** Says goodbye without waiting for anything: one unsequenced DISCONNECT. */
  disconnectNow(data = 0): void {
    if (this.#state === 'disconnected') return;
    if (this.#state !== 'connecting') {
      this.#reliable.clear();
      this.#unreliable.push(this.#sequences.farewell(data));
      this.#flush();
    }
    this.#end('local', 0);
    this.#tell();
  }

  /** Takes one datagram of this connection; what is malformed or of another session is ignored. */
  receive(datagram: Uint8Array): void {
    const header = parseEnetHeader(datagram);
    if (header === undefined || !this.#isOurs(header)) return;
    const commands = parseEnetCommands(datagram, header.commandsOffset);
    if (commands === undefined) return;

    for (const command of commands) {
      const verdict = this.#handle(command);
      if (verdict === 'stop') break;
      if (verdict === 'done') this.#acknowledge(command, header.sentTime);
    }
    this.#continueDisconnect();
    this.#flush();
    this.#tell();
  }

  /** Retransmits, pings and gives up; to be called every 5 to 20 ms. */
  tick(): void {
    if (this.#state === 'disconnected') return;
    if (this.#reliable.checkTimeouts(this.#options.now(), this.#timeouts) === 'dead') {
      this.#end(this.#state === 'disconnecting' ? 'local' : 'timeout', 0);
    } else {
      this.#pingWhenIdle();
      this.#flush();
    }
    this.#tell();
  }

  #isOurs({ sessionID }: EnetHeader): boolean {
    if (this.#state === 'disconnected') return false;
    const isFirstAnswer = this.#identity.outgoingPeerID === PEER_ID_UNASSIGNED;
    return isFirstAnswer || sessionID === this.#identity.incomingSessionID;
  }

  /** `done`: to be acknowledged if it asks for it; `refused`: not; `stop`: leave the rest of the datagram. */
  #handle(command: EnetCommand): 'done' | 'refused' | 'stop' {
    switch (command.type) {
      case 'acknowledge':
        return this.#handleAcknowledge(command);
      case 'verifyConnect':
        return this.#handleVerifyConnect(command);
      case 'disconnect':
        return this.#handleDisconnect(command);
      case 'sendReliable':
      case 'sendFragment':
      case 'sendUnreliable':
      case 'sendUnsequenced':
      case 'sendUnreliableFragment':
        return this.#handleMessage(command);
      case 'connect':
        return 'stop';
      case 'ping':
      case 'bandwidthLimit':
      case 'throttleConfigure':
        return 'done';
    }
  }

  #handleAcknowledge(command: Command<'acknowledge'>): 'done' {
    const nowMs = this.#options.now();
    this.#roundTrip.sample(nowMs, command.receivedSentTime);
    this.#lastReceiveMs = nowMs;
    const { channelID, receivedReliableSequenceNumber } = command;
    const answered = this.#reliable.acknowledge(channelID, receivedReliableSequenceNumber);
    if (answered?.type === 'verifyConnect' && this.#state === 'acknowledgingConnect') this.#connected();
    if (answered?.type === 'disconnect' && this.#state === 'disconnecting') this.#end('local', 0);
    return 'done';
  }

  #handleVerifyConnect(command: Command<'verifyConnect'>): 'done' | 'stop' {
    if (this.#state !== 'connecting') return 'done';
    const { packetThrottleInterval, packetThrottleAcceleration, packetThrottleDeceleration } = ENET_THROTTLE;
    const isAnswer =
      command.connectID === this.connectID &&
      command.packetThrottleInterval === packetThrottleInterval &&
      command.packetThrottleAcceleration === packetThrottleAcceleration &&
      command.packetThrottleDeceleration === packetThrottleDeceleration &&
      command.channelCount >= 1;
    if (!isAnswer) {
      this.#end('remote', 0);
      return 'stop';
    }
    this.#reliable.acknowledge(ENET_PEER_CHANNEL, 1);
    this.#channelCount = Math.min(this.#channelCount, command.channelCount);
    this.#identity.outgoingPeerID = command.outgoingPeerID;
    this.#identity.incomingSessionID = command.incomingSessionID;
    this.#identity.outgoingSessionID = command.outgoingSessionID;
    this.#connected();
    this.#pingWhenIdle();
    return 'done';
  }

  #handleDisconnect(command: Command<'disconnect'>): 'done' | 'stop' {
    if (this.#state !== 'connected' && this.#state !== 'disconnectLater') {
      this.#end(this.#state === 'disconnecting' ? 'local' : 'remote', command.data);
      return 'stop';
    }
    this.#state = 'acknowledgingDisconnect';
    this.#reliable.clear();
    this.#unreliable = [];
    this.#events.push(() => {
      this.#end('remote', command.data);
    });
    return 'done';
  }

  #handleMessage(command: MessageCommand): 'done' | 'refused' | 'stop' {
    if (this.#state !== 'connected' && this.#state !== 'disconnectLater') return 'stop';
    const { channelID } = command;
    if (channelID >= this.#channelCount) return 'refused';
    const ready: Uint8Array[] = [];
    const isTaken = this.#incoming.accept(command, ready);
    for (const payload of ready) {
      this.#events.push(() => {
        this.#options.events.onMessage(channelID, payload);
      });
    }
    return isTaken ? 'done' : 'refused';
  }

  #acknowledge(command: EnetCommand, sentTime: number | undefined): void {
    const isSilent = this.#state === 'acknowledgingConnect' || this.#state === 'disconnecting';
    if (!command.needsAcknowledge || sentTime === undefined || isSilent) return;
    this.#acknowledgements.push({
      type: 'acknowledge',
      needsAcknowledge: false,
      isUnsequenced: false,
      channelID: command.channelID,
      reliableSequenceNumber: command.reliableSequenceNumber,
      receivedReliableSequenceNumber: command.reliableSequenceNumber,
      receivedSentTime: sentTime,
    });
  }

  #connected(): void {
    this.#state = 'connected';
    this.#events.push(this.#options.events.onConnect);
  }

  #continueDisconnect(): void {
    if (this.#state !== 'disconnectLater' || !this.#reliable.isEmpty) return;
    this.#state = 'disconnecting';
    this.#pushReliable(ENET_PEER_CHANNEL, { type: 'disconnect', data: this.#disconnectData });
  }

  #pingWhenIdle(): void {
    const isIdle = this.#options.now() - this.#lastReceiveMs >= PING_INTERVAL_MS;
    if (this.#state === 'connected' && this.#reliable.isEmpty && isIdle) {
      this.#pushReliable(ENET_PEER_CHANNEL, { type: 'ping' });
    }
  }

  #end(reason: EnetDisconnectReason, data: number): void {
    if (this.#state === 'disconnected') return;
    this.#state = 'disconnected';
    this.#reliable.clear();
    this.#events.push(() => {
      this.#options.events.onDisconnect(reason, data);
    });
  }

  #tell(): void {
    for (let event = this.#events.shift(); event !== undefined; event = this.#events.shift()) event();
  }

  #pushReliable(channelID: number, body: EnetCommandBody): void {
    this.#reliable.push(this.#sequences.reliable(channelID, body));
  }

  #flush(): void {
    const { now, transmit } = this.#options;
    const nowMs = now();
    const baseMs = this.#roundTrip.timeoutMs;
    const commands = [
      ...this.#acknowledgements,
      ...this.#reliable.takeSendable(nowMs, { baseMs, limit: this.#timeouts.limit }),
      ...this.#unreliable,
    ];
    this.#acknowledgements = [];
    this.#unreliable = [];
    const { outgoingPeerID: peerID, outgoingSessionID } = this.#identity;
    // Without a peer id, the session bits stay 0.
    const sessionID = peerID === PEER_ID_UNASSIGNED ? 0 : outgoingSessionID;
    const sentTime = Math.floor(nowMs) & 0xffff;
    for (const datagram of packDatagrams(commands, {
      label: { peerID, sessionID },
      sentTime,
      mtu: this.#mtu,
    })) {
      transmit(datagram);
    }
  }

  #opening(): EnetCommandBody {
    const { identity, state, connectID, data } = this.#options;
    const fields = {
      outgoingPeerID: identity.incomingPeerID,
      incomingSessionID: state === 'connecting' ? identity.incomingSessionID : identity.outgoingSessionID,
      outgoingSessionID: state === 'connecting' ? identity.outgoingSessionID : identity.incomingSessionID,
      mtu: this.#mtu,
      windowSize: ENET_WINDOW_SIZE,
      channelCount: this.#channelCount,
      incomingBandwidth: 0,
      outgoingBandwidth: 0,
      ...ENET_THROTTLE,
      connectID,
    };
    return state === 'connecting'
      ? { type: 'connect', ...fields, data }
      : { type: 'verifyConnect', ...fields };
  }
}
