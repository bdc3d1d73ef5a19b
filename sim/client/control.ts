/**
 * The client's control stream: an ENet connection whose messages are encrypted under rikey, with a counter per
 * direction. Sans I/O like the engine below it. Source: moonlight-common-c `ControlStream.c`.
 */
import {
  CONTROL_TYPE,
  openControlMessage,
  sealControlMessage,
  type ControlMessage,
} from '../../core/protocol/enet/control.ts';
import { readU32 } from '../../core/protocol/bytes.ts';
import { connectEnet } from '../enet/connect.ts';
import type { EnetPeer } from '../enet/peer.ts';
import { ENET_CHANNELS, type EnetDisconnectReason } from '../enet/types.ts';
import { CONTROL_CHANNEL } from './input.ts';

const PERIODIC_PING_MS = 100;
const START_A_PAYLOAD = Uint8Array.of(0, 0);
const START_B_PAYLOAD = Uint8Array.of(0);
const PERIODIC_PING_PAYLOAD = Uint8Array.of(4, 0, 0, 0, 0, 0, 0, 0);

export interface ControlStreamDeps {
  /** rikey, 16 bytes. */
  key: Uint8Array;
  version: 'v1' | 'v2';
  /** X-SS-Connect-Data. */
  connectData: number;
  /** Random 32 bits. */
  connectID: number;
  /** ms, monotonic. */
  now: () => number;
  transmit: (datagram: Uint8Array) => void;
  onConnect: () => void;
  /** The host's termination code, 32 bits; the connection is over when this is called. */
  onTermination: (code: number) => void;
  onDisconnect: (reason: EnetDisconnectReason) => void;
}

export class ControlStream {
  /** Messages of the host, by type; bounded by the 16 bits of a type. */
  readonly received = new Map<number, number>();
  /** Messages that did not decrypt: dropped, as a real client does. */
  undecryptable = 0;
  readonly #deps: ControlStreamDeps;
  readonly #peer: EnetPeer;
  #seq = 0;
  #pingAtMs = Infinity;

  /** Sends the CONNECT. */
  constructor(deps: ControlStreamDeps) {
    this.#deps = deps;
    const { connectID, connectData: data, now, transmit } = deps;
    this.#peer = connectEnet({
      channelCount: ENET_CHANNELS,
      data,
      connectID,
      now,
      transmit,
      events: {
        onConnect: () => {
          this.#start();
        },
        onMessage: (_channelID, message) => {
          this.#receiveMessage(message);
        },
        onDisconnect: deps.onDisconnect,
      },
    });
  }

  get rttMs(): number {
    return this.#peer.rttMs;
  }

  get isConnected(): boolean {
    return this.#peer.state === 'connected';
  }

  receive(datagram: Uint8Array): void {
    this.#peer.receive(datagram);
  }

  /** To be called every 5 to 20 ms. */
  tick(): void {
    this.#peer.tick();
    if (!this.isConnected || this.#deps.now() < this.#pingAtMs) return;
    this.#pingAtMs += PERIODIC_PING_MS;
    this.#send(CONTROL_CHANNEL.GENERIC, CONTROL_TYPE.PERIODIC_PING, PERIODIC_PING_PAYLOAD);
  }

  requestIdr(): void {
    this.#send(CONTROL_CHANNEL.URGENT, CONTROL_TYPE.START_A_REQUEST_IDR, START_A_PAYLOAD);
  }

  /** @param packet see input.ts. */
  sendInput(channelID: number, packet: Uint8Array): void {
    this.#send(channelID, CONTROL_TYPE.INPUT, packet);
  }

  /** Leaves as a client does that was told to stop; `onDisconnect('local')` follows. */
  disconnect(): void {
    this.#peer.disconnect();
  }

  disconnectNow(): void {
    this.#peer.disconnectNow();
  }

  #start(): void {
    this.#send(CONTROL_CHANNEL.GENERIC, CONTROL_TYPE.START_A_REQUEST_IDR, START_A_PAYLOAD);
    this.#send(CONTROL_CHANNEL.GENERIC, CONTROL_TYPE.START_B, START_B_PAYLOAD);
    this.#pingAtMs = this.#deps.now();
    this.#deps.onConnect();
  }

  #send(channelID: number, type: number, payload: Uint8Array): void {
    if (!this.isConnected) return;
    const { key, version } = this.#deps;
    const sealed = sealControlMessage({ seq: this.#seq, type, payload }, { key, version, sender: 'client' });
    this.#seq += 1;
    this.#peer.send(channelID, sealed, 'reliable');
  }

  #receiveMessage(sealed: Uint8Array): void {
    const { key, version } = this.#deps;
    const message = openControlMessage(sealed, { key, version, sender: 'host' });
    if (message === undefined) {
      this.undecryptable += 1;
      return;
    }
    this.received.set(message.type, (this.received.get(message.type) ?? 0) + 1);
    if (message.type === CONTROL_TYPE.TERMINATION) this.#terminate(message);
  }

  /** One unsequenced DISCONNECT, and gone. */
  #terminate({ payload }: ControlMessage): void {
    const code = payload.length >= 4 ? readU32(payload, 0) : 0;
    this.#deps.onTermination(code);
    this.#peer.disconnectNow();
  }
}
