import { describe, expect, it } from 'vitest';
import { LOGIN_MS, LOGINS_MAX, Logins } from './logins.ts';

describe('Logins', () => {
  it('knows a login by its token until it ends', () => {
    const logins = new Logins(() => 0);
    const [one, other] = [logins.begin('alice'), logins.begin('alice')];
    expect(one).toMatch(/^[\w-]{43}$/);
    expect(one).not.toBe(other);
    logins.end(one);
    logins.end('unknown');
    expect([one, other, 'unknown'].map((token) => logins.find(token))).toEqual([
      undefined,
      'alice',
      undefined,
    ]);
  });

  it('forgets a login after its time', () => {
    let now = 0;
    const logins = new Logins(() => now);
    const token = logins.begin('alice');
    now = LOGIN_MS - 1;
    expect(logins.find(token)).toBe('alice');
    now = LOGIN_MS;
    expect(logins.find(token)).toBeUndefined();
  });

  it('stays bounded, and ends the oldest login first', () => {
    const logins = new Logins(() => 0);
    const tokens = Array.from({ length: LOGINS_MAX + 1 }, (_, index) => logins.begin(`user-${index}`));
    expect(logins.find(tokens[0] ?? '')).toBeUndefined();
    expect(logins.find(tokens[1] ?? '')).toBe('user-1');
    expect(logins.find(tokens.at(-1) ?? '')).toBe(`user-${LOGINS_MAX}`);
  });
});
