/** Who is logged in: the browsers that gave a password, each known by the random token in its cookie. */
import { hash, randomBytes } from 'node:crypto';

/** How long a login lasts, ms. */
export const LOGIN_MS = 12 * 3_600_000;
/** Logins at once; beyond, the oldest ends. */
export const LOGINS_MAX = 256;

const TOKEN_BYTES = 32;

interface Login {
  user: string;
  endsAt: number;
}

/** The logins of this process. */
export class Logins {
  /** By hash of the token, oldest first. At most LOGINS_MAX. */
  readonly #logins = new Map<string, Login>();
  readonly #now: () => number;

  /** @param now milliseconds since the epoch. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** @returns the token: 43 base64url characters. */
  begin(user: string): string {
    const token = randomBytes(TOKEN_BYTES).toString('base64url');
    const oldest = this.#logins.keys().next();
    if (this.#logins.size >= LOGINS_MAX && oldest.done !== true) this.#logins.delete(oldest.value);
    this.#logins.set(keyOf(token), { user, endsAt: this.#now() + LOGIN_MS });
    return token;
  }

  /** The user whose login `token` is, unless it is over. */
  find(token: string): string | undefined {
    const key = keyOf(token);
    const login = this.#logins.get(key);
    if (login === undefined || login.endsAt > this.#now()) return login?.user;
    this.#logins.delete(key);
    return undefined;
  }

  /** Idempotent. */
  end(token: string): void {
    this.#logins.delete(keyOf(token));
  }
}

/** Tokens are looked up by their hash, so that the time a lookup takes tells nothing of them. */
function keyOf(token: string): string {
  return hash('sha256', token);
}
