/**
 * Logging in to the console: by a password from a file, or by the word of an authenticating proxy. Without either
 * (on loopback only) everybody is let in.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { canonicalAddress } from '../../core/runtime/address.ts';
import { GleipnirError } from '../../core/runtime/errors.ts';
import { readFileIfPresent } from '../../core/runtime/files.ts';
import { SourceBuckets } from '../../core/runtime/token-bucket.ts';
import type { Access } from './access.ts';
import { LOGIN_MS, Logins } from './logins.ts';
import { isPassword, parsePasswordFile, unmatchableHash, type PasswordHash } from './passwords.ts';

/** Passwords that one source may try: so many at once, then one every 12 s. */
const TRIES_PER_SOURCE = { burst: 5, perSecond: 1 / 12 };
/** Passwords that wait to be checked; each check takes a third of a second. */
const WAITING_MAX = 8;
const COOKIE = 'gleipnir-login';
/** One name, from one proxy: several values arrive joined by a comma. */
const HEADER_USER = /^[\x21-\x2b\x2d-\x7e]{1,100}$/;

/** The part of a request that says who makes it. */
export interface Asker {
  headers: IncomingHttpHeaders;
  remoteAddress: string | undefined;
}

/** Somebody who may use the console. */
export interface Principal {
  /** `undefined` where nobody has to log in. */
  user: string | undefined;
  /** The same where an authenticating proxy says so: what `subjects` of Users are compared with. */
  subject?: string;
  /** What the forms of this login are bound to. */
  formSubject: string;
  /** Whether it is a login that can be ended here. */
  canLogOut: boolean;
}

/** limited: too many tries; wrong: no such user, or not that password. */
export type LoginOutcome = { kind: 'in'; cookie: string } | { kind: 'wrong' } | { kind: 'limited' };

export interface LoginDeps {
  access: Access;
  /** Milliseconds since the epoch. */
  now: () => number;
}

export class Login {
  readonly #access: Access;
  readonly #now: () => number;
  readonly #logins: Logins;
  readonly #tries = new SourceBuckets(TRIES_PER_SOURCE);
  /** As the file has them: by user. */
  #passwords: ReadonlyMap<string, PasswordHash> = new Map();
  #lastCheck: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor({ access, now }: LoginDeps) {
    this.#access = access;
    this.#now = now;
    this.#logins = new Logins(now);
  }

  /** Whether there is a form to log in with. */
  get takesPasswords(): boolean {
    return this.#access.passwordFile !== undefined;
  }

  /** Reads the password file; before that nobody gets in by password. @throws GleipnirError CONFIG_INVALID */
  async start(): Promise<void> {
    const file = this.#access.passwordFile;
    if (file !== undefined) this.#passwords = await readPasswords(file);
  }

  /** Who makes this request, if it is somebody who may. */
  who({ headers, remoteAddress = '' }: Asker): Principal | undefined {
    const { isOpen, trustedProxies, userHeader } = this.#access;
    if (isOpen) return { user: undefined, formSubject: 'open', canLogOut: false };
    const named = headers[userHeader];
    const isTrusted = trustedProxies.has(canonicalAddress(remoteAddress));
    if (isTrusted && typeof named === 'string' && HEADER_USER.test(named)) {
      return { user: named, subject: named, formSubject: `header ${named}`, canLogOut: false };
    }
    const token = readCookie(headers.cookie) ?? '';
    const user = this.#logins.find(token);
    return user === undefined ? undefined : { user, formSubject: `login ${token}`, canLogOut: true };
  }

  /** Checks a password. Every try counts against its source, also while it waits. */
  async enter(asker: Asker, user: string, password: string): Promise<LoginOutcome> {
    const source = asker.remoteAddress ?? '';
    if (this.#waiting >= WAITING_MAX || !this.#tries.take(source, this.#now())) return { kind: 'limited' };
    if (!(await this.#inTurn(() => this.#check(user, password)))) return { kind: 'wrong' };
    const secure = asker.headers.origin?.startsWith('https:') === true ? '; Secure' : '';
    const attributes = `; Path=/; Max-Age=${LOGIN_MS / 1000}; HttpOnly; SameSite=Strict${secure}`;
    return { kind: 'in', cookie: `${COOKIE}=${this.#logins.begin(user)}${attributes}` };
  }

  /** Ends the login of this browser. @returns the cookie that says so. */
  leave({ headers }: Asker): string {
    const token = readCookie(headers.cookie);
    if (token !== undefined) this.#logins.end(token);
    return `${COOKIE}=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict`;
  }

  async #check(user: string, password: string): Promise<boolean> {
    const stored = this.#passwords.get(user);
    const [anybody] = this.#passwords.values();
    if (anybody === undefined) return false;
    return (await isPassword(password, stored ?? unmatchableHash(anybody))) && stored !== undefined;
  }

  async #inTurn<T>(check: () => Promise<T>): Promise<T> {
    this.#waiting += 1;
    const mine = this.#lastCheck.then(check, check);
    this.#lastCheck = mine;
    return mine.finally(() => {
      this.#waiting -= 1;
    });
  }
}

async function readPasswords(file: string): Promise<Map<string, PasswordHash>> {
  const content = await readFileIfPresent(file);
  if (content === undefined)
    throw new GleipnirError('CONFIG_INVALID', 'The password file cannot be read: it is not there', { file });
  const users = parsePasswordFile(content.toString('utf8'));
  if (!(users instanceof Map)) {
    const details = { file, line: users.badLine };
    throw new GleipnirError('CONFIG_INVALID', 'A line of the password file is not valid', details);
  }
  if (users.size === 0) throw new GleipnirError('CONFIG_INVALID', 'The password file names nobody', { file });
  return users;
}

function readCookie(header = ''): string | undefined {
  const own = header.split(';').find((pair) => pair.trim().startsWith(`${COOKIE}=`));
  return own?.trim().slice(COOKIE.length + 1);
}
