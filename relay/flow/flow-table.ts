/** The flows, found by what a datagram can prove: ping payload, connect data, peer id label. */
import type { MediaStream } from '../../core/protocol/rtp/ping.ts';
import { payloadKey, type Flow } from './flow.ts';

const LABELS = 0x1000;
const PAYLOAD_SIZE = 16;
const MEDIA: readonly MediaStream[] = ['video', 'audio'];

export class FlowTable {
  readonly #flowsMax: number;
  /** Every flow, those of ended generations included; at most flowsMax, as all indexes below. */
  readonly #all = new Set<Flow>();
  /** The newest flow of each session. */
  readonly #newest = new Map<string, Flow>();
  readonly #byLabel: (Flow | undefined)[] = new Array<Flow | undefined>(LABELS).fill(undefined);
  readonly #byConnectData = new Map<number, Flow>();
  /** For each stream by `payloadKey`; payloads that share one are told apart by their bytes. */
  readonly #byPayload: Readonly<Record<MediaStream, Map<number, Flow[]>>> = {
    video: new Map(),
    audio: new Map(),
  };

  constructor(flowsMax: number) {
    this.#flowsMax = flowsMax;
  }

  get size(): number {
    return this.#all.size;
  }

  get isFull(): boolean {
    return this.#all.size >= this.#flowsMax;
  }

  /** Makes `flow` the newest of its session, and the one its tokens name. Precondition: not `isFull`. */
  add(flow: Flow): void {
    this.#all.add(flow);
    this.#newest.set(flow.id, flow);
    this.#byLabel[flow.tokens.peerId] = flow;
    this.#byConnectData.set(flow.tokens.connectData, flow);
    for (const stream of MEDIA) {
      const [flows, key] = [this.#byPayload[stream], flow.pingKeys[stream]];
      const sharing = flows.get(key);
      if (sharing === undefined) flows.set(key, [flow]);
      else sharing.unshift(flow);
    }
  }

  /** Idempotent; what a newer flow has taken over stays. */
  delete(flow: Flow): void {
    const { peerId, connectData } = flow.tokens;
    this.#all.delete(flow);
    if (this.#newest.get(flow.id) === flow) this.#newest.delete(flow.id);
    if (this.#byLabel[peerId] === flow) this.#byLabel[peerId] = undefined;
    if (this.#byConnectData.get(connectData) === flow) this.#byConnectData.delete(connectData);
    for (const stream of MEDIA) {
      const [flows, key] = [this.#byPayload[stream], flow.pingKeys[stream]];
      const rest = (flows.get(key) ?? []).filter((other) => other !== flow);
      if (rest.length === 0) flows.delete(key);
      else flows.set(key, rest);
    }
  }

  /** Every flow, in the order they came. */
  all(): IterableIterator<Flow> {
    return this.#all.values();
  }

  newestOf(id: string): Flow | undefined {
    return this.#newest.get(id);
  }

  /** @param label 0..0xfff */
  byLabel(label: number): Flow | undefined {
    return this.#byLabel[label];
  }

  byConnectData(connectData: number): Flow | undefined {
    return this.#byConnectData.get(connectData);
  }

  /** By the first 16 bytes of a ping to the port of `stream`. Precondition: `ping.length >= 16`. */
  byPing(ping: Uint8Array, stream: MediaStream): Flow | undefined {
    const sharing = this.#byPayload[stream].get(payloadKey(ping));
    if (sharing === undefined) return undefined;
    for (const flow of sharing) if (startsWith(ping, flow.pingPayloads[stream])) return flow;
    return undefined;
  }
}

function startsWith(ping: Uint8Array, payload: Uint8Array): boolean {
  for (let index = 0; index < PAYLOAD_SIZE; index++) if (ping[index] !== payload[index]) return false;
  return true;
}
