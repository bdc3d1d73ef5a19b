import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { StatusKeeper } from './statuses.ts';
import { openStores, type Stores, type Watched } from './test-bench.ts';
import { createUserController } from './user.ts';

let stores: Stores;
let users: Watched<'User'>;
let sessions: Watched<'Session'>;
let controller: StatusKeeper<'User'>;

const create = async (name: string, ...subjects: string[]) => {
  stores.clock.nowMs += 1_000;
  await users.create({ name, spec: { subjects } });
};
const play = async (name: string, user: string) => {
  const spec = { userReference: { name: user }, pairingReference: { name: 'p' } };
  await sessions.create({ name, spec: { ...spec, gameReference: { name: '1' } } });
};
const statusOf = async (name: string) => (await users.get(name))?.status;
const countOf = async (name: string) => (await statusOf(name))?.sessions;
const conditionOf = async (name: string) => (await statusOf(name))?.conditions?.[0];

beforeEach(async () => {
  stores = await openStores();
  users = await stores.open('User');
  sessions = await stores.open('Session');
  const log = pino({ level: 'silent' });
  controller = createUserController({ users, sessions, log, now: () => stores.clock.nowMs });
  controller.start();
});
afterEach(async () => {
  await controller.stop();
  await stores.remove();
});

describe('the User controller', () => {
  it('counts the sessions of a User that are not over', async () => {
    await create('anna');
    await create('ben');
    await play('s-1', 'anna');
    await play('s-2', 'anna');
    await play('s-3', 'somebody');
    await expect.poll(() => countOf('anna')).toBe(2);
    await expect.poll(() => countOf('ben')).toBe(0);
    await sessions.patchStatus('s-1', { phase: 'Streaming', launchGeneration: 1 });
    await sessions.patchStatus('s-2', { phase: 'Ended', launchGeneration: 1 });
    await expect.poll(() => countOf('anna')).toBe(1);
    await sessions.delete('s-1');
    await expect.poll(() => countOf('anna')).toBe(0);
  });

  it('names the older User that has a subject', async () => {
    await create('anna', 'anna@example.com', 'a');
    await create('ben', 'ben@example.com', 'a');
    await expect
      .poll(() => conditionOf('ben'))
      .toMatchObject({
        ...{ type: 'Accepted', status: 'False', reason: 'SubjectTaken' },
        message: 'The User anna is older and has the subject a',
      });
    await expect.poll(() => conditionOf('anna')).toMatchObject({ status: 'True', reason: 'Accepted' });
    await users.update('anna', { subjects: ['anna@example.com'] });
    await expect.poll(() => conditionOf('ben')).toMatchObject({ status: 'True' });
  });
});
