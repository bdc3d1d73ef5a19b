import fc from 'fast-check';
import { mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
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

const open = (limits = {}): History => createLocalHistory({ directory, now: () => now, limits });
const eventOf = (id: string, more: Partial<HistoryEvent> = {}): HistoryEvent => ({
  id,
  at: new Date(now).toISOString(),
  kind: 'started',
  ...more,
});
async function idsOf(history: History): Promise<string[]> {
  const ids: string[] = [];
  for await (const { id } of history.read()) ids.push(id);
  return ids;
}

describe('a history in local files', () => {
  it('gives back what was appended, newest first, to whoever opens it next', async () => {
    const quality = { streamedS: 60, bitrateBps: 2e7, jitterMs: 0.5, videoLost: 1, videoDatagrams: 99 };
    const ended = eventOf('b', {
      kind: 'ended',
      reason: '=1+1 "x"\n',
      quality: { ...quality, fecReports: 0 },
    });
    const history = open();
    expect(await history.append(eventOf('a', { at: `${TODAY}T11:00:00Z` }))).toBe('stored');
    expect(await history.append(ended)).toBe('stored');
    expect(await history.append(eventOf('y', { at: '2026-02-02T23:59:59Z' }))).toBe('stored');
    const read: HistoryEvent[] = [];
    for await (const event of open().read()) read.push(event);
    expect(read.map(({ id }) => id)).toEqual(['b', 'a', 'y']);
    expect(read[0]).toEqual(ended);
  });

  it('keeps an event once, whoever says it, on either side of midnight and after a restart', async () => {
    const event = eventOf('s/1/started', { at: '2026-02-02T23:59:59.999Z' });
    expect(await open().append(event)).toBe('stored');
    const again = open();
    expect(await again.append({ ...event, at: '2026-02-03T00:00:00.001Z' })).toBe('known');
    expect(await again.append(event)).toBe('known');
    expect(await idsOf(again)).toEqual(['s/1/started']);
  });

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

  it('forgets days that are too old, and takes none that are', async () => {
    for (let day = 0; day < HISTORY_DAYS + 3; day += 1) {
      now = NOW + day * DAY_MS;
      await open().append(eventOf(`day-${day}`));
    }
    expect(await readdir(directory)).toHaveLength(HISTORY_DAYS);
    const ids = await idsOf(open());
    expect([ids.length, ids[0], ids.at(-1)]).toEqual([HISTORY_DAYS, 'day-32', 'day-3']);
    expect(await open().append(eventOf('late', { at: new Date(NOW).toISOString() }))).toBe('dropped');
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

  it('stays within a day’s room, of which strangers get a part', async () => {
    const limits = { dayBytesMax: 2_000, strangerBytesMax: 500 };
    const fill = async (kind: HistoryEvent['kind']): Promise<number> => {
      let stored = 0;
      for (let index = 0; index < 50; index += 1) {
        // Opened anew each time: what is used up is known from the files alone.
        if ((await open(limits).append(eventOf(`${kind}-${index}`, { kind }))) === 'stored') stored += 1;
      }
      return stored;
    };
    expect(await fill('pairingFailed')).toBeGreaterThan(0);
    expect((await stat(join(directory, `${TODAY}.jsonl`))).size).toBeLessThanOrEqual(500);
    expect(await fill('ended')).toBeGreaterThan(10);
    expect((await stat(join(directory, `${TODAY}.jsonl`))).size).toBeLessThanOrEqual(2_000);
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
