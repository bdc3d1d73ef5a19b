import { afterEach, describe, expect, it } from 'vitest';
import type { User } from '../../core/crd/types.ts';
import { HOST, OWN, PENDING, openBench, type Bench } from './test-bench.ts';

const PROXY = '192.0.2.80';
const { id } = PENDING;

const userOf = (name: string, second: number, ...subjects: string[]): User => ({
  kind: 'User',
  metadata: { name, uid: name, generation: 1, creationTimestamp: `2026-01-01T00:00:0${second}Z` },
  spec: { subjects },
});
const USERS = [
  userOf('late', 2, 'anna@example.com'),
  userOf('anna.smith', 1, 'anna@example.com', 'anna'),
  userOf('ben', 1),
];

let bench: Bench;
afterEach(() => bench.web.stop());

function open(trustedProxies: string[]): void {
  bench = openBench({ trustedProxies });
  bench.users = USERS;
  bench.pending.push(PENDING);
}

/** The PIN as a browser behind the proxy sends it. @returns what was entered. */
async function sendPin(user: string, fields: Record<string, string> = {}): Promise<unknown> {
  const headers = { ...OWN, 'x-forwarded-user': user };
  const page = await bench.get('/pairing', headers, PROXY);
  const [, token = ''] = /name="token" value="([^"]+)"/.exec(page.body) ?? [];
  await bench.web.app.inject({
    method: 'POST',
    url: '/pin',
    remoteAddress: PROXY,
    payload: new URLSearchParams({ token, id, pin: '1234', ...fields }).toString(),
    headers: { ...headers, 'content-type': 'application/x-www-form-urlencoded' },
  });
  return bench.entered.at(-1);
}

describe('a person whom an authenticating proxy names', () => {
  it('pairs clients for the oldest User with that subject, and is told so', async () => {
    open([PROXY]);
    expect(await sendPin('anna@example.com')).toEqual([id, '1234', { userName: 'anna.smith' }]);
    for (const path of ['/', '/pairing']) {
      const page = await bench.get(path, { host: HOST, 'x-forwarded-user': 'anna' }, PROXY);
      expect(page.body).toContain('Yours, anna.smith, if you leave it empty.');
    }
  });

  it('may pair for somebody else by typing who', async () => {
    open([PROXY]);
    expect(await sendPin('anna', { person: 'ben' })).toEqual([id, '1234', { userName: 'ben' }]);
  });

  it.each(['ben', 'Anna', 'mallory'])('is nobody’s User as %s, and pairs as ever', async (name) => {
    open([PROXY]);
    expect(await sendPin(name)).toEqual([id, '1234', {}]);
    const page = await bench.get('/pairing', { host: HOST, 'x-forwarded-user': name }, PROXY);
    expect(page.body).not.toContain('Yours');
  });

  it('is not believed where no proxy is trusted', async () => {
    open([]);
    expect(await sendPin('anna')).toEqual([id, '1234', {}]);
  });
});
