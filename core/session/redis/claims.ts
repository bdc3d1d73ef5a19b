/** Claims and rising numbers, each step one script. */
import type { Listeners } from '../../runtime/listeners.ts';
import type { Claim, TableClaims } from '../table.ts';
import type { RedisConnection } from './connection.ts';
import type { Keys } from './keys.ts';
import { ADVANCE, LOOK, RELEASE, TAKE } from './scripts.ts';

export interface ClaimsDeps {
  connection: RedisConnection;
  keys: Keys;
  /** Told the name of each claim that was released. */
  released: Listeners<string>;
  /** Entries that the change stream keeps, about. */
  changesMax: number;
}

export function createClaims({ connection, keys, released, changesMax }: ClaimsDeps): TableClaims {
  return {
    take: async (name, holder, ttlMs) =>
      toClaim(await connection.eval(TAKE, [keys.claim(name)], [holder, ttlMs])),
    release: async (name, holder) => {
      await connection.eval(RELEASE, [keys.claim(name), keys.changes], [name, holder, changesMax]);
    },
    look: async (name) => {
      const reply = await connection.eval(LOOK, [keys.claim(name)], []);
      return reply === null ? undefined : toClaim(reply);
    },
    advance: async (name, value, ttlMs) =>
      (await connection.eval(ADVANCE, [keys.number(name)], [value, ttlMs])) === 1,
    watch: (listener) => released.add(listener),
  };
}

function toClaim(reply: unknown): Claim {
  const [holder, remainingMs] = reply as [string, number];
  return { holder, remainingMs: Math.max(1, remainingMs) };
}
