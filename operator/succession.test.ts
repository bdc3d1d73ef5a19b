/** Another leader: whatever happened between an event and what should follow from it, the next one finds it by looking. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ID, startBench, type Bench } from './test-bench.ts';

let bench: Bench;
beforeEach(async () => {
  bench = await startBench();
  await bench.launch();
  await expect.poll(bench.phase).toBe('Ready');
  await bench.reportFlow(1, 'live');
  await expect.poll(bench.phase).toBe('Streaming');
});
afterEach(() => bench.stop());

const status = async () => (await bench.sessions.get(ID))?.status;

describe('the next leader', () => {
  it.each([
    {
      what: 'that a host went down',
      happen: () => {
        bench.host.isDown = true;
      },
      verdict: {
        reason: 'HOST_UNREACHABLE',
        message: 'The machine that played this game does not answer any more',
      },
    },
    {
      what: 'that a game was ended on its machine',
      happen: () => void bench.found.over.add(ID),
      verdict: { message: 'The game was ended on its machine' },
    },
    {
      what: 'that a client was removed',
      happen: () => bench.pairings.delete('p-1'),
      verdict: { reason: 'NOT_PAIRED' },
    },
  ])('finds $what, which the one before did not act upon', async ({ happen, verdict }) => {
    await bench.kill();
    await happen();
    await bench.succeed();
    await expect.poll(async () => (await bench.row())?.state ?? 'ended').toBe('ended');
    expect(await status()).toMatchObject({ phase: 'Ended', ...verdict });
    await expect.poll(bench.row, { timeout: 5_000 }).toBeUndefined();
  });

  it.each(['before', 'after'])('ends a session that was deleted %s the one before was gone', async (when) => {
    if (when === 'before') {
      const deleted = bench.sessions.delete(ID);
      await bench.kill();
      await deleted;
    } else {
      await bench.kill();
      await bench.sessions.delete(ID);
    }
    await bench.succeed();
    await expect.poll(bench.row, { timeout: 5_000 }).toBeUndefined();
    expect(bench.host.isBusy).toBe(false);
    expect(bench.pool().placementsOf('attic')).toEqual([]);
  });

  it('resumes what was asked for meanwhile, under tokens and a slot that nothing else has or rests with', async () => {
    const before = await bench.row();
    await bench.kill();
    await bench.resume(2);
    await bench.reportFlow(1, 'closed');
    await bench.succeed();
    await expect.poll(status).toMatchObject({ phase: 'Ready', launchGeneration: 2 });
    const second = await bench.row();
    expect(second?.tokens.peerId).not.toBe(before?.tokens.peerId);
    expect(second?.upstream.slot).toBe(1);
    await bench.kill();
    await bench.resume(3);
    await bench.reportFlow(2, 'closed');
    await bench.succeed();
    await expect.poll(status).toMatchObject({ phase: 'Ready', launchGeneration: 3 });
    expect((await bench.row())?.upstream.slot, 'both slots before it rest or are in use').toBe(2);
  });

  it('leaves alone what goes on', async () => {
    const before = [await bench.row(), await status()];
    await bench.kill();
    await bench.succeed();
    await bench.reportFlow(1, 'disconnected');
    await expect.poll(bench.phase).toBe('Paused');
    await bench.reportFlow(1, 'live');
    await expect.poll(bench.phase).toBe('Streaming');
    expect([await bench.row(), await status()]).toEqual(before);
  });
});
