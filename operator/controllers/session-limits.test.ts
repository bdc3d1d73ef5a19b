import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { appIdOf } from '../hosts/app-id.ts';
import { startBench, type Bench } from '../test-bench.ts';

const GAMES = ['a', 'b', 'c', 'd', 'e'];
const LIMITED = { phase: 'Ended', reason: 'GAMES_LIMITED' };

let bench: Bench;

beforeEach(async () => {
  bench = await startBench({ apps: GAMES, capacity: GAMES.length, labels: { room: 'attic' } });
});
afterEach(() => bench.stop());

/** Each game is a session of its own name. */
const launch = (game: string, user = 'u') => bench.launch({ id: game, appId: appIdOf(game), user });
const statusOf = async (game: string) => (await bench.sessions.get(game))?.status;
const phaseOf = async (game: string) => (await statusOf(game))?.phase;
const play = async (game: string) => {
  await launch(game);
  await expect.poll(() => phaseOf(game)).toBe('Ready');
};

describe('a User with maxSessions', () => {
  it.each([
    { maxSessions: 0, message: 'You may not play games here' },
    { maxSessions: 1, message: 'You may play 1 game at once; end it first' },
    { maxSessions: 2, message: 'You may play 2 games at once; end one first' },
  ])('of $maxSessions is told so, and may play again once a game is over', async (limit) => {
    const { maxSessions, message } = limit;
    await bench.users.create({ name: 'u', spec: { maxSessions } });
    for (const game of GAMES.slice(0, maxSessions)) await play(game);
    await launch('c');
    await expect.poll(() => statusOf('c')).toMatchObject({ ...LIMITED, message });
    await launch('d', 'somebody');
    await expect.poll(() => phaseOf('d')).toBe('Ready');
    if (maxSessions === 0) return;
    await bench.sessions.delete('a');
    await play('e');
  });

  it('plays no more than that when all are launched at once', async () => {
    await bench.users.create({ name: 'u', spec: { maxSessions: 2 } });
    await Promise.all(GAMES.map((game) => launch(game)));
    const phases = () => Promise.all(GAMES.map(phaseOf));
    await expect
      .poll(async () => (await phases()).toSorted())
      .toEqual([...Array<string>(3).fill('Ended'), ...Array<string>(2).fill('Ready')]);
  });

  it('keeps what runs when the limit is lowered, and what ran before a restart counts', async () => {
    await play('a');
    await play('b');
    await bench.users.create({ name: 'u', spec: { maxSessions: 1 } });
    await bench.kill();
    await bench.succeed();
    await launch('c');
    await expect.poll(() => statusOf('c')).toMatchObject(LIMITED);
    await bench.resume(2, { id: 'a', appId: appIdOf('a') });
    await expect.poll(() => statusOf('a')).toMatchObject({ phase: 'Ready', launchGeneration: 2 });
    expect(await phaseOf('b')).toBe('Ready');
  });
});

describe('a User with hostSelector', () => {
  it('plays on hosts that carry the labels, and on no others', async () => {
    await bench.users.create({ name: 'u', spec: { hostSelector: { room: 'attic' } } });
    await play('a');
    await bench.users.update('u', { hostSelector: { room: 'cellar' } });
    await launch('b');
    await expect.poll(() => statusOf('b')).toMatchObject({ phase: 'Ended', reason: 'APP_NOT_FOUND' });
  });
});
