/**
 * The receiving half: puts a channel's reliable messages in order, joins fragments, drops what came twice or
 * too late, and holds unreliable messages back until the reliable ones before them are there.
 */
import type { EnetCommand } from '../../core/protocol/enet/command.ts';

const SEQUENCE_SPACE = 0x1_0000;
/** Sequence numbers from here on count as older, not newer. */
const HALF_SPACE = 0x8000;
/** A sender never is further ahead. Source: enet peer.c, 7 free windows of 0x1000. */
const AHEAD_MAX = 0x7000;
/** Reliable messages that wait for an earlier one; more are not acknowledged, so that they come again. */
const EARLY_MAX = 1024;
/** Unreliable messages that wait for a reliable one; more are lost. */
const HELD_MAX = 64;
/** Longest message that is joined from fragments, in bytes. */
const MESSAGE_MAX_BYTES = 64 * 1024;
const FRAGMENTS_MAX = 1024;
/** Fragmented messages that are joined at once. */
const JOINED_MAX = 16;
const UNSEQUENCED_WINDOW = 1024;

type Fragment = Extract<EnetCommand, { type: 'sendFragment' | 'sendUnreliableFragment' }>;
type Unreliable = Extract<EnetCommand, { type: 'sendUnreliable' }>;

/** The commands that carry messages. */
export type MessageCommand = Extract<
  EnetCommand,
  { type: 'sendReliable' | 'sendUnreliable' | 'sendUnsequenced' | 'sendFragment' | 'sendUnreliableFragment' }
>;

/** A reliable message that is complete or being joined; `count` sequence numbers belong to it. */
interface Early {
  payload: Uint8Array;
  count: number;
  /** Fragments still missing. */
  missing: Set<number>;
}

const distance = (from: number, to: number): number => (to - from + SEQUENCE_SPACE) % SEQUENCE_SPACE;

/** One channel of one connection. */
class IncomingChannel {
  /** Sequence number of the last reliable message that was delivered. */
  #reliable = 0;
  #unreliable = 0;
  /** By first sequence number. At most EARLY_MAX, of which JOINED_MAX are joined from fragments. */
  readonly #early = new Map<number, Early>();
  /** At most HELD_MAX. */
  #held: Unreliable[] = [];

  /** @returns whether to acknowledge; messages that are ready now are appended to `ready`. */
  acceptReliable(sequenceNumber: number, payload: Uint8Array, ready: Uint8Array[]): boolean {
    const verdict = this.#judge(sequenceNumber);
    if (verdict !== 'new') return verdict === 'old';
    if (!this.#early.has(sequenceNumber)) {
      this.#early.set(sequenceNumber, { payload: payload.slice(), count: 1, missing: new Set() });
    }
    this.#release(ready);
    return true;
  }

  /** As `acceptReliable`; fragments that contradict each other or are too large in sum are not acknowledged. */
  acceptFragment(fragment: Fragment, ready: Uint8Array[]): boolean {
    const { startSequenceNumber, fragmentCount, fragmentNumber, fragmentOffset, totalLength, data } =
      fragment;
    const verdict = this.#judge(startSequenceNumber);
    if (verdict !== 'new') return verdict === 'old';
    const fits = fragmentOffset + data.length <= totalLength && totalLength <= MESSAGE_MAX_BYTES;
    if (!fits || fragmentNumber >= fragmentCount || fragmentCount > FRAGMENTS_MAX) return false;

    let early = this.#early.get(startSequenceNumber);
    if (early === undefined) {
      const joined = [...this.#early.values()].filter(({ missing }) => missing.size > 0);
      if (joined.length >= JOINED_MAX) return false;
      const missing = new Set(Array.from({ length: fragmentCount }, (_, index) => index));
      early = { payload: new Uint8Array(totalLength), count: fragmentCount, missing };
      this.#early.set(startSequenceNumber, early);
    }
    if (early.count !== fragmentCount || early.payload.length !== totalLength) return false;
    if (early.missing.delete(fragmentNumber)) early.payload.set(data, fragmentOffset);
    this.#release(ready);
    return true;
  }

  acceptUnreliable(command: Unreliable, ready: Uint8Array[]): void {
    const ahead = distance(this.#reliable, command.reliableSequenceNumber);
    if (ahead >= AHEAD_MAX) return;
    if (ahead > 0) {
      if (this.#held.length < HELD_MAX) this.#held.push({ ...command, data: command.data.slice() });
      return;
    }
    const newer = distance(this.#unreliable, command.unreliableSequenceNumber);
    if (newer === 0 || newer >= HALF_SPACE) return;
    this.#unreliable = command.unreliableSequenceNumber;
    ready.push(command.data);
  }

  #judge(sequenceNumber: number): 'new' | 'old' | 'tooFar' {
    const ahead = distance(this.#reliable, sequenceNumber);
    if (ahead === 0 || ahead >= HALF_SPACE) return 'old';
    if (ahead >= AHEAD_MAX) return 'tooFar';
    return this.#early.size < EARLY_MAX || this.#early.has(sequenceNumber) || ahead === 1 ? 'new' : 'tooFar';
  }

  #release(ready: Uint8Array[]): void {
    for (;;) {
      const next = (this.#reliable + 1) % SEQUENCE_SPACE;
      const early = this.#early.get(next);
      if (early === undefined || early.missing.size > 0) break;
      this.#early.delete(next);
      this.#reliable = (this.#reliable + early.count) % SEQUENCE_SPACE;
      this.#unreliable = 0;
      ready.push(early.payload);
      const held = this.#held;
      this.#held = [];
      for (const command of held) this.acceptUnreliable(command, ready);
    }
  }
}

/** Recognises unsequenced messages that came twice. Source: enet protocol.c, unsequencedWindow. */
class UnsequencedWindow {
  #base = 0;
  readonly #seen = new Uint8Array(UNSEQUENCED_WINDOW);

  /** @returns false for a group that was seen, or is too old to tell. */
  accept(group: number): boolean {
    const ahead = distance(this.#base, group);
    if (ahead >= HALF_SPACE) return false;
    const index = group % UNSEQUENCED_WINDOW;
    if (group - index !== this.#base) {
      this.#base = group - index;
      this.#seen.fill(0);
    }
    if (this.#seen[index] === 1) return false;
    this.#seen[index] = 1;
    return true;
  }
}

/** All that one connection receives. */
export class IncomingMessages {
  readonly #unsequenced = new UnsequencedWindow();
  /** By channelID, made on first use: at most 256. */
  readonly #channels = new Map<number, IncomingChannel>();

  /** Appends the messages that are ready now to `ready`. @returns whether to acknowledge the command. */
  accept(command: MessageCommand, ready: Uint8Array[]): boolean {
    switch (command.type) {
      case 'sendReliable':
        return this.#of(command).acceptReliable(command.reliableSequenceNumber, command.data, ready);
      case 'sendFragment':
        return this.#of(command).acceptFragment(command, ready);
      case 'sendUnreliable':
        this.#of(command).acceptUnreliable(command, ready);
        return true;
      case 'sendUnsequenced':
        if (this.#unsequenced.accept(command.unsequencedGroup)) ready.push(command.data);
        return true;
      // Moonlight never sends these.
      case 'sendUnreliableFragment':
        return false;
    }
  }

  #of({ channelID }: MessageCommand): IncomingChannel {
    let channel = this.#channels.get(channelID);
    if (channel === undefined) this.#channels.set(channelID, (channel = new IncomingChannel()));
    return channel;
  }
}
