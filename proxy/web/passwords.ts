/**
 * The password file: one line for each user, `name:scrypt$N$r$p$salt$hash`, salt and hash in base64. Empty lines and
 * lines that begin with `#` count for nothing. scrypt (RFC 7914) is slow and needs memory by design, so only one
 * password is checked at a time.
 */
import { randomBytes, scrypt, timingSafeEqual, type ScryptOptions } from 'node:crypto';

/** 64 MB and some 0.3 s for each password. */
const COST = { N: 2 ** 16, r: 8, p: 2 } as const;
const SALT_BYTES = 16;
const HASH_BYTES = 32;
/** What a line may ask for at most, bytes: 128 N r. */
const MEMORY_MAX = 256 * 1024 * 1024;
const PARALLEL_MAX = 16;
const BASE64 = '[A-Za-z0-9+/]{16,128}={0,2}';
const USER = '[^#:\\s$][^:\\s$]{0,63}';
const LINE = new RegExp(
  `^(${USER}):scrypt\\$(\\d{1,7})\\$(\\d{1,3})\\$(\\d{1,3})\\$(${BASE64})\\$(${BASE64})$`,
);

/** A password as it is stored. */
export interface PasswordHash {
  N: number;
  r: number;
  p: number;
  salt: Buffer;
  hash: Buffer;
}

/** Hashes by user, or the number of the first line that is no such line. */
export function parsePasswordFile(text: string): Map<string, PasswordHash> | { badLine: number } {
  const users = new Map<string, PasswordHash>();
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const parsed = parseLine(line);
    if (parsed === undefined || users.has(parsed.user)) return { badLine: index + 1 };
    users.set(parsed.user, parsed.hash);
  }
  return users;
}

function parseLine(line: string): { user: string; hash: PasswordHash } | undefined {
  const [, user = '', N, r, p, salt = '', hash = ''] = LINE.exec(line) ?? [];
  const cost = { N: Number(N), r: Number(r), p: Number(p) };
  const isPowerOfTwo = Number.isInteger(Math.log2(cost.N)) && cost.N > 1;
  const isAffordable = cost.r > 0 && 128 * cost.N * cost.r <= MEMORY_MAX;
  if (!isPowerOfTwo || !isAffordable || cost.p < 1 || cost.p > PARALLEL_MAX) return undefined;
  return { user, hash: { ...cost, salt: Buffer.from(salt, 'base64'), hash: Buffer.from(hash, 'base64') } };
}

/** A line of the file, with a fresh salt. `undefined` for a name that the file cannot hold. */
export async function formatPasswordLine(
  user: string,
  password: string,
  cost: Pick<PasswordHash, 'N' | 'r' | 'p'> = COST,
): Promise<string | undefined> {
  if (!new RegExp(`^${USER}$`).test(user)) return undefined;
  const { N, r, p } = cost;
  const salt = randomBytes(SALT_BYTES);
  const hash = await derive(password, { N, r, p, salt, hash: Buffer.alloc(HASH_BYTES) });
  return `${user}:scrypt$${N}$${r}$${p}$${salt.toString('base64')}$${hash.toString('base64')}`;
}

/**
 * A hash that no password has and that costs what `model` costs: who has no line is checked against it, so that
 * guessing names takes as long as guessing passwords.
 */
export function unmatchableHash(model: PasswordHash): PasswordHash {
  return { ...model, hash: randomBytes(HASH_BYTES) };
}

/** Compares in constant time; takes as long as the hash says. */
export async function isPassword(password: string, stored: PasswordHash): Promise<boolean> {
  return timingSafeEqual(await derive(password, stored), stored.hash);
}

function derive(password: string, { N, r, p, salt, hash }: PasswordHash): Promise<Buffer> {
  const options: ScryptOptions = { N, r, p, maxmem: 2 * MEMORY_MAX };
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  scrypt(password.normalize('NFC'), salt, hash.length, options, (error, key) => {
    if (error === null) resolve(key);
    else reject(error);
  });
  return promise;
}
