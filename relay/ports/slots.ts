/**
 * Upstream slots: triples of local UDP ports used towards hosts. A reply is recognised by its slot and the host's
 * address and port, so one slot serves any number of hosts with one session each. Bound on first use, closed after
 * the last.
 */
import type { RemoteInfo } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { Logger } from '../../core/runtime/log.ts';
import type { Counters, StreamKind } from '../counts/counters.ts';
import type { Slot, UpstreamPort } from '../flow/flow.ts';
import { UdpPort } from './udp-port.ts';

const PORTS_PER_SLOT = 3;
const WILDCARDS = new Set(['0.0.0.0', '::']);

export interface SlotPoolDeps {
  /** 0: any free ports. */
  upstreamPortBase: number;
  slotsMax: number;
  sent: Counters['toHost'];
  receive: (port: UpstreamPort, datagram: Buffer, source: RemoteInfo) => void;
  log: Logger;
}

export class SlotPool {
  readonly #deps: SlotPoolDeps;
  /** At most slotsMax. */
  readonly #slots = new Map<string, Slot>();

  constructor(deps: SlotPoolDeps) {
    this.#deps = deps;
  }

  get size(): number {
    return this.#slots.size;
  }

  /**
   * The slot, opening in the background if nobody uses it yet; `release` it once for each `acquire`.
   *
   * @param address source address towards the host; a wildcard becomes that of the host's family.
   * @returns `undefined` when `index` is out of range or too many slots are open.
   */
  acquire(address: string, hostAddress: string, index: number): Slot | undefined {
    const { slotsMax } = this.#deps;
    const local = WILDCARDS.has(address) ? wildcardFor(hostAddress) : address;
    const key = `${local}/${index}`;
    let slot = this.#slots.get(key);
    if (slot === undefined) {
      if (index >= slotsMax || this.#slots.size >= slotsMax) return undefined;
      slot = this.#create(key, local, index);
      this.#slots.set(key, slot);
      void this.#open(slot);
    }
    slot.users += 1;
    return slot;
  }

  /** Closes the slot after its last user. */
  release(slot: Slot): void {
    slot.users -= 1;
    if (slot.users > 0) return;
    this.#slots.delete(slot.key);
    closePorts(slot);
  }

  /** Looks at the send queues, once per tick. */
  checkQueues(): void {
    for (const slot of this.#slots.values()) {
      slot.control.udp.checkQueue();
      slot.video.udp.checkQueue();
      slot.audio.udp.checkQueue();
    }
  }

  /** Tries again to open the slots whose ports were taken. */
  retryFailed(): void {
    for (const slot of this.#slots.values()) if (slot.state === 'failed') void this.#open(slot);
  }

  close(): void {
    for (const slot of this.#slots.values()) closePorts(slot);
    this.#slots.clear();
  }

  #create(key: string, address: string, index: number): Slot {
    return {
      key,
      index,
      users: 0,
      state: 'opening',
      control: this.#createPort(address, index, 'control'),
      video: this.#createPort(address, index, 'video'),
      audio: this.#createPort(address, index, 'audio'),
    };
  }

  #createPort(address: string, index: number, stream: StreamKind): UpstreamPort {
    const { upstreamPortBase, sent, receive, log } = this.#deps;
    const offset = { control: 0, video: 1, audio: 2 }[stream];
    const port = upstreamPortBase === 0 ? 0 : upstreamPortBase + PORTS_PER_SLOT * index + offset;
    const upstream: UpstreamPort = {
      legs: new Map(),
      udp: new UdpPort({
        address,
        port,
        isDualStack: false,
        sent: sent[stream],
        onDatagram: (datagram, source) => {
          receive(upstream, datagram, source);
        },
        onError: (err) => {
          log.warn({ slot: index, stream, err }, 'upstream socket reported an error');
        },
      }),
    };
    return upstream;
  }

  async #open(slot: Slot): Promise<void> {
    const isFirstTry = slot.state === 'opening';
    slot.state = 'opening';
    try {
      for (const { udp } of [slot.control, slot.video, slot.audio]) await udp.open();
      slot.state = 'open';
      if (this.#slots.get(slot.key) !== slot) closePorts(slot);
    } catch (err) {
      closePorts(slot);
      slot.state = 'failed';
      if (isFirstTry) this.#deps.log.error({ slot: slot.index, err }, 'upstream slot cannot be opened');
    }
  }
}

function wildcardFor(hostAddress: string): string {
  return isIPv6(hostAddress) ? '::' : '0.0.0.0';
}

function closePorts(slot: Slot): void {
  slot.control.udp.close();
  slot.video.udp.close();
  slot.audio.udp.close();
}
