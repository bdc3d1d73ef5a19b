import fc from 'fast-check';
import { mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { describeHistory, historyEvent, idsOf } from './contract.ts';
import type { HistoryEvent } from './event.ts';
import { HISTORY_DAYS, type History } from './history.ts';
import { createLocalHistory } from './local.ts';

const TODAY = '2026-02-03';
const NOW = Date.parse(`${TODAY}T12:00:00Z`);
const DAY_MS = 86_400_000;

let directory: string;
let now: number;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gleipnir-history-'));
  now = NOW;
});
afterEach(() => rm(directory, { recursive: true }));

const open = (): History => createLocalHistory({ directory, now: () => now });
const eventOf = (id: string, more: Partial<HistoryEvent> = {}): HistoryEvent =>
  historyEvent(id, { at: new Date(now).toISOString(), ...more });

describe('a history in local files', () => {
  describeHistory((options) => createLocalHistory({ directory, ...options }));

  it('loses at most the line that was being written, wherever it was cut off', async () => {
    const file = join(directory, `${TODAY}.jsonl`);
    await open().append(eventOf('a', { client: 'Größe' }));
    const one = (await stat(file)).size;
    await open().append(eventOf('b', { client: 'Größe' }));
    const whole = await readFile(file);
    for (let cut = one; cut < whole.length; cut += 1) {
      await writeFile(file, whole);
      await truncate(file, cut);
      const history = open();
      const standing = await idsOf(history);
      expect(standing.slice(-1)).toEqual(['a']);
      expect(await history.append(eventOf('c'))).toBe('stored');
      expect((await idsOf(open())).sort()).toEqual([...standing, 'c'].sort());
    }
  });

  it('skips whatever a disk says instead', async () => {
    await open().append(eventOf('a'));
    const file = join(directory, `${TODAY}.jsonl`);
    const before = await readFile(file);
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (noise) => {
        await writeFile(file, Buffer.concat([before, noise, Buffer.from('\n{"id":"x","at":"never"}\n')]));
        expect(await idsOf(open())).toEqual(['a']);
      }),
      { numRuns: 50 },
    );
  });

  it('keeps no files of days that are too old', async () => {
    for (let day = 0; day < HISTORY_DAYS + 3; day += 1) {
      now = NOW + day * DAY_MS;
      await open().append(eventOf(`day-${day}`));
    }
    expect(await readdir(directory)).toHaveLength(HISTORY_DAYS);
  });

  it('keeps no more files than days, though a clock was wrong', async () => {
    for (let day = 0; day < HISTORY_DAYS; day += 1) {
      now = NOW + day * DAY_MS;
      await open().append(eventOf(`day-${day}`));
    }
    now = 0;
    await open().append(eventOf('without a clock'));
    expect((await readdir(directory)).length).toBeLessThanOrEqual(HISTORY_DAYS + 1);
    now = NOW + HISTORY_DAYS * DAY_MS;
    await open().append(eventOf('with one again'));
    const ids = await idsOf(open());
    expect([ids.length, ids[0]]).toEqual([HISTORY_DAYS, 'with one again']);
  });

  it('goes on after a write that failed', async () => {
    const history = open();
    await rm(directory, { recursive: true });
    await writeFile(directory, 'in the way');
    await expect(history.append(eventOf('a'))).rejects.toThrow();
    await rm(directory);
    expect(await history.append(eventOf('b'))).toBe('stored');
    expect(await idsOf(history)).toEqual(['b']);
  });

  it('says nothing of an empty folder, and makes none before it must', async () => {
    await rm(directory, { recursive: true });
    const history = open();
    expect(await idsOf(history)).toEqual([]);
    await expect(stat(directory)).rejects.toThrow();
    expect(await history.append(eventOf('a'))).toBe('stored');
  });
});
