/** Counts wrong PINs by source, for all proxies, so that nobody can try the 10,000 of them. */
import { randomUUID } from 'node:crypto';
import { sourceOf } from '../../core/runtime/token-bucket.ts';
import type { TableClaims } from '../../core/session/table.ts';

/** Wrong PINs of one source within the window, after which it must wait. */
export const WRONG_PINS_MAX = 3;
/** How long a wrong PIN counts, ms. */
export const WRONG_PIN_WINDOW_MS = 10 * 60_000;

/** The wrong PINs of the last ten minutes: each is a claim of the session table, at most three for a source. */
export class WrongPins {
  readonly #claims: TableClaims;

  constructor(claims: TableClaims) {
    this.#claims = claims;
  }

  /** Whether the source of `address` has used up its tries for now. */
  async isBlocked(address: string): Promise<boolean> {
    return (await this.#agesMs(address)).length >= WRONG_PINS_MAX;
  }

  /** Milliseconds since the last wrong PIN of the source of `address`; Infinity where there was none. */
  async sinceLastMs(address: string): Promise<number> {
    return Math.min(Infinity, ...(await this.#agesMs(address)));
  }

  /** Counts one more; beyond the maximum it changes nothing. */
  async add(address: string): Promise<void> {
    const own = randomUUID();
    for (const name of namesOf(address)) {
      if ((await this.#claims.take(name, own, WRONG_PIN_WINDOW_MS)).holder === own) return;
    }
  }

  async #agesMs(address: string): Promise<number[]> {
    const claims = await Promise.all(namesOf(address).map((name) => this.#claims.look(name)));
    return claims.flatMap((claim) => (claim === undefined ? [] : [WRONG_PIN_WINDOW_MS - claim.remainingMs]));
  }
}

function namesOf(address: string): string[] {
  return Array.from({ length: WRONG_PINS_MAX }, (_, index) => `wrong pin ${index} ${sourceOf(address)}`);
}
