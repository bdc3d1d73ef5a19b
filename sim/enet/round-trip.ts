/** Smoothed round-trip time of one connection, as ENet computes it. Source: enet protocol.c, handle_acknowledge. */

const INITIAL_MS = 500;
const SENT_TIME_SPACE = 0x1_0000;

export class RoundTrip {
  #rttMs = INITIAL_MS;
  #varianceMs = 0;
  #hasSample = false;

  get rttMs(): number {
    return this.#rttMs;
  }

  /** How long a command may stay unacknowledged before it is sent again, ms. */
  get timeoutMs(): number {
    return this.#rttMs + 4 * this.#varianceMs;
  }

  /**
   * Learns from one acknowledgement.
   *
   * @param nowMs and `sentTime`: ms modulo 2^16 is what counts.
   */
  sample(nowMs: number, sentTime: number): void {
    const rttMs = Math.max(1, (Math.floor(nowMs) - sentTime) & (SENT_TIME_SPACE - 1));
    // A clock that seems to run backwards: half the space is half a minute, which no connection survives.
    if (rttMs >= SENT_TIME_SPACE / 2) return;
    if (!this.#hasSample) {
      this.#hasSample = true;
      this.#rttMs = rttMs;
      this.#varianceMs = rttMs / 2;
      return;
    }
    const difference = rttMs - this.#rttMs;
    this.#varianceMs += (Math.abs(difference) - this.#varianceMs) / 4;
    this.#rttMs += difference / 8;
  }
}
