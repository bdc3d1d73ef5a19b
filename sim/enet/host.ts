/**
 * The host's end: accepts ENet connections on one socket, sans I/O. A datagram belongs to the peer whose id and
 * session bits it carries, wherever it comes from; the peer's address is where its newest datagram came from.
 *
 * Source: Moonlight's ENet fork, protocol.c handle_connect and handle_incoming_commands.
 */
import { parseEnetCommands, type EnetCommand } from '../../core/protocol/enet/command.ts';
import { isConnect } from '../../core/protocol/enet/connect.ts';
import { parseEnetHeader } from '../../core/protocol/enet/header.ts';
import { EnetPeer } from './peer.ts';
import { ENET_CHANNELS, ENET_MTU, type EnetDisconnectReason } from './types.ts';

const COMMANDS_OFFSET = 4;
const MTU_MIN = 576;
const SESSION_ID_UNASSIGNED = 0xff;
const SESSION_ID_MASK = 0x3;

/** Where a datagram came from. */
export interface EnetSource {
  address: string;
  port: number;
}

export interface EnetHostEvents {
  onConnect: (peer: EnetPeer) => void;
  onMessage: (peer: EnetPeer, channelID: number, payload: Uint8Array) => void;
  onDisconnect: (peer: EnetPeer, reason: EnetDisconnectReason, data: number) => void;
}

export interface EnetHostOptions {
  /** ms, monotonic. */
  now: () => number;
  transmit: (datagram: Uint8Array, address: string, port: number) => void;
  /** Whether a CONNECT with this `data` is answered; a refused one is dropped without a sound. */
  accept: (data: number, source: EnetSource) => boolean;
  peersMax: number;
  events: EnetHostEvents;
}

interface Slot {
  peer: EnetPeer | undefined;
  source: EnetSource;
  incomingSessionID: number;
  outgoingSessionID: number;
}

type Connect = Extract<EnetCommand, { type: 'connect' }>;

/** All connections of one socket. */
export class EnetHost {
  readonly #options: EnetHostOptions;
  /** By peerID. At most peersMax; a slot is used again as soon as its peer is gone. */
  readonly #slots: Slot[] = [];

  constructor(options: EnetHostOptions) {
    this.#options = options;
  }

  /** Peers that are not gone. */
  get peers(): EnetPeer[] {
    return this.#slots.flatMap(({ peer }) =>
      peer === undefined || peer.state === 'disconnected' ? [] : [peer],
    );
  }

  /** Where the newest datagram of `peer` came from; `undefined` once its slot is used by another. */
  sourceOf(peer: EnetPeer): EnetSource | undefined {
    return this.#slots.find((slot) => slot.peer === peer)?.source;
  }

  /** Takes one datagram of the socket; what belongs to no peer is dropped. */
  receive(datagram: Uint8Array, source: EnetSource): void {
    if (isConnect(datagram)) {
      this.#connect(datagram, source);
      return;
    }
    const header = parseEnetHeader(datagram);
    const slot = header === undefined ? undefined : this.#slots[header.peerID];
    if (slot?.peer === undefined || slot.peer.state === 'disconnected') return;
    if (header?.sessionID !== slot.incomingSessionID) return;
    slot.source = { address: source.address, port: source.port };
    slot.peer.receive(datagram);
  }

  /** To be called every 5 to 20 ms. */
  tick(): void {
    for (const { peer } of this.#slots) peer?.tick();
  }

  #connect(datagram: Uint8Array, source: EnetSource): void {
    const [command] = parseEnetCommands(datagram, COMMANDS_OFFSET) ?? [];
    if (command?.type !== 'connect' || this.#isDuplicate(command, source)) return;
    const peerID = this.#freeSlot();
    if (peerID === undefined || !this.#options.accept(command.data, source)) return;
    this.#open(peerID, command, source);
  }

  /** The same connectID from another address makes a second peer, as in ENet. */
  #isDuplicate({ connectID }: Connect, { address, port }: EnetSource): boolean {
    return this.#slots.some(({ peer, source }) => {
      if (peer === undefined || peer.state === 'disconnected') return false;
      return peer.connectID === connectID && source.address === address && source.port === port;
    });
  }

  #freeSlot(): number | undefined {
    const index = this.#slots.findIndex(({ peer }) => peer === undefined || peer.state === 'disconnected');
    if (index >= 0) return index;
    return this.#slots.length < this.#options.peersMax ? this.#slots.length : undefined;
  }

  #open(peerID: number, command: Connect, { address, port }: EnetSource): void {
    const { now, transmit, events } = this.#options;
    const previous = this.#slots[peerID];
    const outgoingSessionID = nextSessionID(command.incomingSessionID, previous?.outgoingSessionID);
    const incomingSessionID = nextSessionID(command.outgoingSessionID, previous?.incomingSessionID);
    const slot: Slot = { peer: undefined, source: { address, port }, incomingSessionID, outgoingSessionID };
    this.#slots[peerID] = slot;
    const peer: EnetPeer = new EnetPeer({
      state: 'acknowledgingConnect',
      identity: {
        incomingPeerID: peerID,
        outgoingPeerID: command.outgoingPeerID,
        incomingSessionID,
        outgoingSessionID,
      },
      channelCount: Math.min(Math.max(1, command.channelCount), ENET_CHANNELS),
      connectID: command.connectID,
      data: command.data,
      mtu: Math.min(Math.max(MTU_MIN, command.mtu), ENET_MTU),
      now,
      transmit: (answer) => {
        transmit(answer, slot.source.address, slot.source.port);
      },
      events: {
        onConnect: () => {
          events.onConnect(peer);
        },
        onMessage: (channelID, payload) => {
          events.onMessage(peer, channelID, payload);
        },
        onDisconnect: (reason, data) => {
          events.onDisconnect(peer, reason, data);
        },
      },
    });
    slot.peer = peer;
  }
}

/** The session bits that follow: never those of the connection before. Source: protocol.c handle_connect. */
function nextSessionID(proposed: number, previous = SESSION_ID_UNASSIGNED): number {
  const start = proposed === SESSION_ID_UNASSIGNED ? previous : proposed;
  const next = (start + 1) & SESSION_ID_MASK;
  return next === previous ? (next + 1) & SESSION_ID_MASK : next;
}
