/**
 * The reliable half of sending: commands that wait for room in the window, and commands in flight until they
 * are acknowledged, retransmitted, or prove that the other end is gone.
 *
 * Retransmission as observed of Moonlight's fork: the n-th attempt waits base, base, 2 base, 3 base, ... where
 * base is rtt + 4 * variance at the first attempt; the factor never exceeds the time-out limit.
 */
import { enetCommandSize, type EnetCommand } from '../../core/protocol/enet/command.ts';
import { ENET_WINDOW_SIZE, type EnetTimeouts } from './types.ts';

/** Commands in flight, well inside the 0x7000 sequence numbers that a receiver accepts ahead. */
const IN_FLIGHT_MAX = 4096;

interface Entry {
  command: EnetCommand;
  sizeBytes: number;
  sentAtMs: number;
  /** Retransmission time of the first attempt; 0 before it. */
  baseMs: number;
  timeoutMs: number;
  attempts: number;
}

/** One connection's reliable commands. Bounded by the caller: what is sent faster than acknowledged waits here. */
export class ReliableQueue {
  #waiting: Entry[] = [];
  #inFlight: Entry[] = [];
  #bytesInFlight = 0;
  /** Send time of the oldest timed-out command since the last acknowledgement; `undefined`: none. */
  #earliestTimeoutMs: number | undefined;

  get isEmpty(): boolean {
    return this.#waiting.length === 0 && this.#inFlight.length === 0;
  }

  push(command: EnetCommand): void {
    const sizeBytes = enetCommandSize(command);
    this.#waiting.push({ command, sizeBytes, sentAtMs: 0, baseMs: 0, timeoutMs: 0, attempts: 0 });
  }

  clear(): void {
    this.#waiting = [];
    this.#inFlight = [];
    this.#bytesInFlight = 0;
  }

  /** Removes the command that the other end acknowledged; `undefined` if there is none such. */
  acknowledge(channelID: number, sequenceNumber: number): EnetCommand | undefined {
    this.#earliestTimeoutMs = undefined;
    const matches = ({ command }: Entry) =>
      command.channelID === channelID && command.reliableSequenceNumber === sequenceNumber;
    const index = this.#inFlight.findIndex(matches);
    const [entry] = index >= 0 ? this.#inFlight.splice(index, 1) : this.#takeRetransmission(matches);
    if (entry === undefined) return undefined;
    if (index >= 0) this.#bytesInFlight -= entry.sizeBytes;
    return entry.command;
  }

  /** Puts timed-out commands back to the front of the queue; `dead` when they show that the other end is gone. */
  checkTimeouts(nowMs: number, timeouts: EnetTimeouts): 'alive' | 'dead' {
    const late: Entry[] = [];
    const waiting: Entry[] = [];
    for (const entry of this.#inFlight) {
      (nowMs - entry.sentAtMs >= entry.timeoutMs ? late : waiting).push(entry);
    }
    for (const entry of late) {
      this.#earliestTimeoutMs = Math.min(this.#earliestTimeoutMs ?? Infinity, entry.sentAtMs);
      const silentMs = nowMs - this.#earliestTimeoutMs;
      const isExhausted = 2 ** (entry.attempts - 1) >= timeouts.limit;
      if (silentMs >= timeouts.maximumMs || (isExhausted && silentMs >= timeouts.minimumMs)) return 'dead';
    }
    if (late.length === 0) return 'alive';
    this.#inFlight = waiting;
    for (const entry of late) this.#bytesInFlight -= entry.sizeBytes;
    this.#waiting = [...late, ...this.#waiting];
    return 'alive';
  }

  /** The commands to transmit now, oldest first; they count as in flight from here on. */
  takeSendable(nowMs: number, o: { baseMs: number; limit: number }): EnetCommand[] {
    const taken: EnetCommand[] = [];
    for (const entry of this.#waiting) {
      const hasRoom = this.#inFlight.length < IN_FLIGHT_MAX && this.#bytesInFlight < ENET_WINDOW_SIZE;
      if (!hasRoom) break;
      if (entry.attempts === 0) entry.baseMs = o.baseMs;
      entry.attempts += 1;
      entry.sentAtMs = nowMs;
      entry.timeoutMs = entry.baseMs * Math.min(Math.max(1, entry.attempts - 1), o.limit);
      this.#bytesInFlight += entry.sizeBytes;
      this.#inFlight.push(entry);
      taken.push(entry.command);
    }
    this.#waiting.splice(0, taken.length);
    return taken;
  }

  /** A late acknowledgement may meet its command on the way to being sent again. */
  #takeRetransmission(matches: (entry: Entry) => boolean): Entry[] {
    const index = this.#waiting.findIndex((entry) => entry.attempts > 0 && matches(entry));
    return index >= 0 ? this.#waiting.splice(index, 1) : [];
  }
}
