import { describe, expect, it } from 'vitest';
import { SessionRecord } from '../../core/session/record.ts';
import { mintTokens, type SessionTokens } from './tokens.ts';

function rowWith(tokens: SessionTokens): SessionRecord {
  return {
    id: 'one',
    generation: 1,
    state: 'ready',
    client: { address: '192.0.2.1' },
    keys: { rikey: 'sealed', rikeyid: 1 },
    tokens,
    upstream: { address: '0.0.0.0', slot: 0 },
  };
}

describe('mintTokens', () => {
  it('mints what a session row takes', () => {
    const tokens = mintTokens([]);
    expect(tokens).toBeDefined();
    if (tokens !== undefined) expect(SessionRecord.parse(rowWith(tokens)).tokens).toEqual(tokens);
  });

  it('repeats no peer id and no connect data among live sessions until all 4095 are taken', () => {
    const live: SessionRecord[] = [];
    for (let count = 0; count < 0xfff; count += 1) {
      const tokens = mintTokens(live);
      if (tokens === undefined) throw new Error(`no tokens after ${count}`);
      live.push(rowWith(tokens));
    }
    expect(new Set(live.map(({ tokens }) => tokens.peerId)).size).toBe(0xfff);
    expect(new Set(live.map(({ tokens }) => tokens.connectData)).size).toBe(0xfff);
    expect(Math.max(...live.map(({ tokens }) => tokens.peerId))).toBe(0xffe);
    expect(mintTokens(live)).toBeUndefined();
  });
});
