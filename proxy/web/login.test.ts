import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { checkAccess } from './access.ts';
import { Login, type Asker } from './login.ts';
import { formatPasswordLine } from './passwords.ts';

/** Cheap, for tests. */
const COST = { N: 1024, r: 8, p: 1 };
const ALICE = { user: 'alice', password: 'correct horse' };

let directory: string;
let passwordFile: string;
let nowMs: number;
let login: Login;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gleipnir-login-'));
  passwordFile = join(directory, 'passwords');
  await writeFile(
    passwordFile,
    `# who may\n${(await formatPasswordLine(ALICE.user, ALICE.password, COST)) ?? ''}\n`,
  );
});
afterAll(() => rm(directory, { recursive: true }));
beforeEach(async () => {
  nowMs = Date.parse('2026-11-21T10:00:00Z');
  const access = checkAccess({ bindAddress: '0.0.0.0', passwordFile, trustedProxies: ['192.0.2.80'] });
  login = new Login({ access, now: () => nowMs });
  await login.start();
});

const asker = (headers: Asker['headers'] = {}, remoteAddress = '192.0.2.9'): Asker => ({
  headers,
  remoteAddress,
});

async function cookieOf(outcome: ReturnType<Login['enter']>): Promise<string> {
  const settled = await outcome;
  if (settled.kind !== 'in') throw new Error(settled.kind);
  return settled.cookie;
}

describe('Login by password', () => {
  it('lets in who knows it, until they leave', async () => {
    expect(login.who(asker())).toBeUndefined();
    const cookie = await cookieOf(login.enter(asker(), ALICE.user, ALICE.password));
    expect(cookie).toMatch(/^gleipnir-login=[\w-]{43}; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict$/);
    const browser = asker({ cookie: `other=1; ${cookie.split(';', 1)[0] ?? ''}` });
    expect(login.who(browser)).toMatchObject({ user: 'alice', canLogOut: true });
    expect(login.who(browser), 'names in the file are no subjects').not.toHaveProperty('subject');
    expect(login.leave(browser)).toContain('Max-Age=0');
    expect(login.who(browser)).toBeUndefined();
  });

  it('marks the cookie of a browser that speaks TLS to a proxy', async () => {
    const browser = asker({ origin: 'https://games.example' });
    expect(await cookieOf(login.enter(browser, ALICE.user, ALICE.password))).toContain('; Secure');
  });

  it('tells a wrong name from a wrong password in nothing', async () => {
    expect(await login.enter(asker(), ALICE.user, 'wrong')).toEqual({ kind: 'wrong' });
    expect(await login.enter(asker(), 'mallory', ALICE.password)).toEqual({ kind: 'wrong' });
  });

  it('limits the tries of a source, also those at once, and no other', async () => {
    const tries = await Promise.all(Array.from({ length: 7 }, () => login.enter(asker(), 'alice', 'guess')));
    expect(tries.map(({ kind }) => kind)).toEqual([...Array<string>(5).fill('wrong'), 'limited', 'limited']);
    const other = asker({}, '192.0.2.10');
    expect(await login.enter(other, ALICE.user, ALICE.password)).toMatchObject({ kind: 'in' });
    nowMs += 12_000;
    expect(await login.enter(asker(), ALICE.user, ALICE.password)).toMatchObject({ kind: 'in' });
  });

  it('lets only so many wait for their check', async () => {
    const tries = Array.from({ length: 9 }, (_, index) => {
      return login.enter(asker({}, `192.0.2.${index}`), 'alice', 'guess');
    });
    expect(await tries.at(-1)).toEqual({ kind: 'limited' });
    await Promise.all(tries);
  });
});

describe('Login by a proxy', () => {
  it('takes the word of a trusted address, in any spelling', () => {
    const headers = { 'x-forwarded-user': 'bob@example.com' };
    expect(login.who(asker(headers, '::ffff:192.0.2.80'))).toMatchObject({
      user: 'bob@example.com',
      subject: 'bob@example.com',
      canLogOut: false,
    });
    expect(login.who(asker(headers, '192.0.2.81'))).toBeUndefined();
  });

  it.each(['', 'mallory, bob', 'a b', 'x'.repeat(101)])('takes no %j for a name', (name) => {
    expect(login.who(asker({ 'x-forwarded-user': name }, '192.0.2.80'))).toBeUndefined();
  });
});

describe('Login without a login', () => {
  it('lets everybody in', () => {
    const open = new Login({ access: checkAccess({ bindAddress: '127.0.0.1' }), now: () => 0 });
    expect(open.who(asker())).toMatchObject({ user: undefined, canLogOut: false });
    expect(open.takesPasswords).toBe(false);
  });
});

describe('Login.start', () => {
  it.each([
    { name: 'is missing', content: undefined, message: 'cannot be read' },
    { name: 'names nobody', content: '# nobody\n', message: 'names nobody' },
    { name: 'has a line of something else', content: 'alice:secret\n', message: 'is not valid' },
  ])('refuses a password file that $name, without its words', async ({ content, message }) => {
    const file = join(directory, `bad-${message.length}`);
    if (content !== undefined) await writeFile(file, content);
    const access = checkAccess({ bindAddress: '::1', passwordFile: file });
    const started = new Login({ access, now: () => 0 }).start();
    await expect(started).rejects.toMatchObject({ code: 'CONFIG_INVALID', details: { file } });
    await expect(started).rejects.toThrow(message);
    await expect(started).rejects.not.toThrow('secret');
  });
});
