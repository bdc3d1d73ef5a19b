import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { HostDriver } from '../../core/host/types.ts';
import type { WolfSession } from '../../core/host/wolf/client.ts';
import { FakeHost } from '../../test/support/fake-host.ts';
import { WolfGames } from './games.ts';

/** What Wolf lists, by label. */
let labels: string[];
let isAway: boolean;
let ended: string[];
let host: FakeHost;
let games: WolfGames;

const driver = (): Promise<HostDriver> => Promise.resolve(host.driver('u.1'));
const listed = (label: string): WolfSession => ({
  sessionId: '7',
  appId: '1',
  label,
  clientAddress: '192.0.2.1',
});

beforeEach(() => {
  labels = [];
  isAway = false;
  ended = [];
  host = new FakeHost('attic');
  host.isBusy = true;
  games = new WolfGames({
    wolf: {
      sessions: () => (isAway ? Promise.reject(new Error('away')) : Promise.resolve(labels.map(listed))),
    },
    onGameEnded: (sessionId) => ended.push(sessionId),
    log: pino({ level: 'silent' }),
  });
});

afterEach(() => {
  games.stop();
});

/** Follows a game that Wolf lists. */
async function begin(sessionId: string, label: string): Promise<void> {
  labels.push(label);
  games.follow(sessionId, { label, driver });
  await games.look();
}

describe('WolfGames', () => {
  it('tells of a game that left the list, once, and of no other', async () => {
    await begin('s-1', '1.1.1.1');
    await begin('s-2', '2.2.2.2');
    labels = ['2.2.2.2'];
    games.onStopEvent();
    games.onStopEvent();
    await expect.poll(() => ended).toEqual(['s-1']);
    await games.look();
    expect(ended).toEqual(['s-1']);
  });

  it('looks again after an event that came before the list had changed', async () => {
    await begin('s-1', '1.1.1.1');
    games.onStopEvent();
    await games.look();
    expect(ended).toEqual([]);
    labels = [];
    await expect.poll(() => ended).toEqual(['s-1']);
  });

  it('takes a game that was begun anew for another one, whatever was on its way', async () => {
    await begin('s-1', '1.1.1.1');
    labels = [];
    const looking = games.look();
    games.forget('s-1');
    games.follow('s-1', { label: '2.2.2.2', driver });
    labels = ['2.2.2.2'];
    await looking;
    await games.look();
    expect(ended).toEqual([]);
  });

  it('asks under the game’s own identity where Wolf does not list its label', async () => {
    labels = ['192.0.2.7'];
    games.follow('s-1', { label: '1.1.1.1', driver });
    await games.look();
    expect(ended).toEqual([]);
    host.isBusy = false;
    await games.look();
    expect(ended).toEqual(['s-1']);
  });

  it('concludes nothing while Wolf, or the host, does not answer', async () => {
    await begin('s-1', '1.1.1.1');
    isAway = true;
    await games.look();
    isAway = false;
    host.isDown = true;
    games.follow('s-2', { label: 'unknown', driver });
    await games.look();
    expect(ended).toEqual([]);
  });

  it('tells of nothing that it was told to forget', async () => {
    await begin('s-1', '1.1.1.1');
    games.forget('s-1');
    labels = [];
    await games.look();
    await begin('s-2', '2.2.2.2');
    games.onStopEvent();
    games.stop();
    labels = [];
    await games.look();
    expect(ended).toEqual([]);
  });
});
