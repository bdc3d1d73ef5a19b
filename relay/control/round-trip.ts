/**
 * The round-trip time between relay and client, from what passes anyway: a host asks for acknowledgements (an ENet
 * host pings twice a second), and each acknowledgement repeats the sentTime of the datagram that it is for, so that
 * one for an earlier transmission is never taken for one of a later.
 */
import { readU16 } from '../../core/protocol/bytes.ts';
import { ENET_COMMAND, readCommandNumber, skipEnetCommand } from '../../core/protocol/enet/command.ts';
import { readCommandsOffset } from '../../core/protocol/enet/header.ts';

const SENT_TIME_AT = 2;
/** Where commands start in a datagram that has a sentTime. */
const COMMANDS_AT = 4;
const COMMAND = {
  reliableSequenceNumber: 2,
  receivedReliableSequenceNumber: 4,
  receivedSentTime: 6,
} as const;
const FLAG_NEEDS_ACKNOWLEDGE = 0x8000;

/** An acknowledgement that has not come by then is not waited for. */
const LOST_MS = 2_000;
/** As ENet: the mean moves by an eighth of what is new. */
const SHARE = 8;
const NONE = -1;

/** Measures one flow. */
export class RoundTrip {
  /** Smoothed, ms; `undefined` before the first acknowledgement. */
  rttMs: number | undefined;
  #sentTime = NONE;
  #reliableSequenceNumber = NONE;
  #sentAtMs = 0;

  /** A datagram of the host, well-formed, has just gone out to the client. */
  onSent(datagram: Uint8Array, nowMs: number): void {
    if (this.#sentTime !== NONE && nowMs - this.#sentAtMs < LOST_MS) return;
    if (readCommandsOffset(datagram) !== COMMANDS_AT) return;
    let offset = COMMANDS_AT;
    while (offset >= 0 && offset < datagram.length) {
      if ((readU16(datagram, offset) & FLAG_NEEDS_ACKNOWLEDGE) !== 0) {
        this.#sentTime = readU16(datagram, SENT_TIME_AT);
        this.#reliableSequenceNumber = readU16(datagram, offset + COMMAND.reliableSequenceNumber);
        this.#sentAtMs = nowMs;
        return;
      }
      offset = skipEnetCommand(datagram, offset);
    }
  }

  /** A datagram of the client, well-formed, with acknowledgements in it. */
  onAcknowledgements(datagram: Uint8Array, nowMs: number): void {
    let offset = this.#sentTime === NONE ? NONE : readCommandsOffset(datagram);
    while (offset >= 0 && offset < datagram.length) {
      if (this.#isAnswer(datagram, offset)) {
        const elapsedMs = nowMs - this.#sentAtMs;
        this.rttMs = this.rttMs === undefined ? elapsedMs : this.rttMs + (elapsedMs - this.rttMs) / SHARE;
        this.#sentTime = NONE;
        return;
      }
      offset = skipEnetCommand(datagram, offset);
    }
  }

  #isAnswer(datagram: Uint8Array, offset: number): boolean {
    return (
      readCommandNumber(datagram, offset) === ENET_COMMAND.ACKNOWLEDGE &&
      readU16(datagram, offset + COMMAND.receivedSentTime) === this.#sentTime &&
      readU16(datagram, offset + COMMAND.receivedReliableSequenceNumber) === this.#reliableSequenceNumber
    );
  }
}
