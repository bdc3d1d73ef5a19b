/** The part of the session table's contract that is about claims. */
import { expect, it } from 'vitest';
import type { SessionTable } from './table.ts';

/** Long enough never to run out within a test, ms. */
const LONG_MS = 60_000;
/** Short enough to wait for, ms. */
const SHORT_MS = 40;

/** Declares the suite; call it inside a `describe`. */
export function describeClaims(createTable: () => Promise<SessionTable>): void {
  it('gives a claim to the first who takes it, and tells the others who holds it', async () => {
    const { claims } = await createTable();
    expect(await claims.look('gate')).toBeUndefined();
    expect(await claims.take('gate', 'one', LONG_MS)).toMatchObject({ holder: 'one' });
    const { holder, remainingMs } = await claims.take('gate', 'two', LONG_MS);
    expect(holder).toBe('one');
    expect(remainingMs).toBeGreaterThan(0);
    expect(remainingMs).toBeLessThanOrEqual(LONG_MS);
    expect(await claims.look('gate')).toMatchObject({ holder: 'one' });
  });

  it('lets one of many win when all take it at once', async () => {
    const { claims } = await createTable();
    const names = Array.from({ length: 20 }, (_, index) => `holder-${index}`);
    const answers = await Promise.all(names.map((name) => claims.take('gate', name, LONG_MS)));
    expect(new Set(answers.map(({ holder }) => holder)).size).toBe(1);
  });

  it('frees a claim for its holder only', async () => {
    const { claims } = await createTable();
    await claims.take('gate', 'one', LONG_MS);
    await claims.release('gate', 'two');
    expect(await claims.look('gate')).toMatchObject({ holder: 'one' });
    await claims.release('gate', 'one');
    await claims.release('gate', 'one');
    expect(await claims.take('gate', 'two', LONG_MS)).toMatchObject({ holder: 'two' });
  });

  it('holds a claim anew for its holder, for the new time', async () => {
    const { claims } = await createTable();
    await claims.take('gate', 'one', SHORT_MS);
    const { remainingMs } = await claims.take('gate', 'one', LONG_MS);
    expect(remainingMs).toBeGreaterThan(SHORT_MS);
  });

  it('lets a claim run out by itself', async () => {
    const { claims } = await createTable();
    await claims.take('gate', 'one', SHORT_MS);
    await expect.poll(() => claims.look('gate')).toBeUndefined();
    expect(await claims.take('gate', 'two', LONG_MS)).toMatchObject({ holder: 'two' });
  });

  it('tells of what was released, until it is stopped', async () => {
    const { claims } = await createTable();
    const stopped: string[] = [];
    const lasting: string[] = [];
    const stop = claims.watch((name) => stopped.push(name));
    claims.watch((name) => lasting.push(name));
    await claims.take('gate a', 'one', LONG_MS);
    await claims.release('gate a', 'two');
    await claims.release('gate a', 'one');
    await expect.poll(() => lasting).toEqual(['gate a']);
    await expect.poll(() => stopped).toEqual(['gate a']);
    stop();
    await claims.take('gate b', 'one', LONG_MS);
    await claims.release('gate b', 'one');
    await expect.poll(() => lasting).toEqual(['gate a', 'gate b']);
    expect(stopped).toEqual(['gate a']);
  });

  it('advances a number only upwards, each name for itself', async () => {
    const { claims } = await createTable();
    expect(await claims.advance('s1 1', 1, LONG_MS)).toBe(true);
    expect(await claims.advance('s1 1', 1, LONG_MS)).toBe(false);
    expect(await claims.advance('s1 1', 7, LONG_MS)).toBe(true);
    expect(await claims.advance('s1 1', 6, LONG_MS)).toBe(false);
    expect(await claims.advance('s1 2', 1, LONG_MS)).toBe(true);
  });

  it('advances to one value once, however many try at once', async () => {
    const { claims } = await createTable();
    const answers = await Promise.all(Array.from({ length: 20 }, () => claims.advance('s1 1', 5, LONG_MS)));
    expect(answers.filter(Boolean)).toHaveLength(1);
  });
}
