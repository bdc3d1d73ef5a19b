/** Numbers the commands of one connection: each channel counts its own reliable and unreliable messages. */
import type { EnetCommand } from '../../core/protocol/enet/command.ts';
import { ENET_PEER_CHANNEL } from './types.ts';

/** Head of a datagram and of a SEND_FRAGMENT, in bytes. */
const FRAGMENT_OVERHEAD = 4 + 24;

/** What a command says beside its place in the sequence. */
type BodyOf<C> = C extends EnetCommand
  ? Omit<C, 'needsAcknowledge' | 'isUnsequenced' | 'channelID' | 'reliableSequenceNumber'>
  : never;
export type EnetCommandBody = BodyOf<EnetCommand>;

interface Counters {
  reliable: number;
  unreliable: number;
}

export class OutgoingSequences {
  /** By channelID: at most 256. */
  readonly #counters = new Map<number, Counters>();
  #unsequencedGroup = 0;
  readonly #mtu: number;

  constructor(mtu: number) {
    this.#mtu = mtu;
  }

  /** Whether a payload of `size` bytes must go as fragments. */
  needsFragments(size: number): boolean {
    return size > this.#mtu - FRAGMENT_OVERHEAD;
  }

  reliable(channelID: number, body: EnetCommandBody): EnetCommand {
    const counters = this.#of(channelID);
    counters.reliable = (counters.reliable + 1) & 0xffff;
    counters.unreliable = 0;
    const reliableSequenceNumber = counters.reliable;
    return { ...body, needsAcknowledge: true, isUnsequenced: false, channelID, reliableSequenceNumber };
  }

  fragments(channelID: number, payload: Uint8Array): EnetCommand[] {
    const length = this.#mtu - FRAGMENT_OVERHEAD;
    const fragmentCount = Math.ceil(payload.length / length);
    const startSequenceNumber = (this.#of(channelID).reliable + 1) & 0xffff;
    return Array.from({ length: fragmentCount }, (_, fragmentNumber) => {
      const fragmentOffset = fragmentNumber * length;
      const data = payload.subarray(fragmentOffset, fragmentOffset + length);
      const totalLength = payload.length;
      const place = { startSequenceNumber, fragmentCount, fragmentNumber, fragmentOffset, totalLength };
      return this.reliable(channelID, { type: 'sendFragment', ...place, data });
    });
  }

  unreliable(channelID: number, data: Uint8Array): EnetCommand {
    const counters = this.#of(channelID);
    counters.unreliable = (counters.unreliable + 1) & 0xffff;
    return {
      type: 'sendUnreliable',
      needsAcknowledge: false,
      isUnsequenced: false,
      channelID,
      reliableSequenceNumber: counters.reliable,
      unreliableSequenceNumber: counters.unreliable,
      data,
    };
  }

  unsequenced(channelID: number, data: Uint8Array): EnetCommand {
    this.#unsequencedGroup = (this.#unsequencedGroup + 1) & 0xffff;
    return {
      type: 'sendUnsequenced',
      needsAcknowledge: false,
      isUnsequenced: true,
      channelID,
      reliableSequenceNumber: 0,
      unsequencedGroup: this.#unsequencedGroup,
      data,
    };
  }

  /** The DISCONNECT that expects no answer. */
  farewell(data: number): EnetCommand {
    const { reliableSequenceNumber } = this.reliable(ENET_PEER_CHANNEL, { type: 'ping' });
    return {
      type: 'disconnect',
      needsAcknowledge: false,
      isUnsequenced: true,
      channelID: ENET_PEER_CHANNEL,
      reliableSequenceNumber,
      data,
    };
  }

  #of(channelID: number): Counters {
    let counters = this.#counters.get(channelID);
    if (counters === undefined) this.#counters.set(channelID, (counters = { reliable: 0, unreliable: 0 }));
    return counters;
  }
}
