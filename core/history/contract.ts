/** The history's contract as a suite: every implementation's spec runs it on its own store. */
import { beforeEach, expect, it } from 'vitest';
import type { DAY_LIMITS } from './day.ts';
import type { HistoryEvent } from './event.ts';
import { HISTORY_DAYS, type History } from './history.ts';

const TODAY = '2026-02-03';
const NOW = Date.parse(`${TODAY}T12:00:00Z`);
const DAY_MS = 86_400_000;

/** How a spec opens the same store once more. */
export interface HistoryOptions {
  now: () => number;
  limits?: Partial<typeof DAY_LIMITS>;
}

export const historyEvent = (id: string, more: Partial<HistoryEvent> = {}): HistoryEvent => ({
  id,
  at: `${TODAY}T12:00:00.000Z`,
  kind: 'started',
  ...more,
});

export async function idsOf(history: Pick<History, 'read'>): Promise<string[]> {
  const ids: string[] = [];
  for await (const { id } of history.read()) ids.push(id);
  return ids;
}

async function bytesOf(history: Pick<History, 'read'>): Promise<number> {
  let bytes = 0;
  for await (const event of history.read()) bytes += Buffer.byteLength(JSON.stringify(event)) + 1;
  return bytes;
}

/**
 * Declares the suite; call it inside a `describe`.
 *
 * @param open another reader and writer of the store, which is empty at the beginning of each test.
 */
export function describeHistory(open: (options: HistoryOptions) => History): void {
  let now: number;
  beforeEach(() => {
    now = NOW;
  });
  const opened = (limits: HistoryOptions['limits'] = {}): History => open({ now: () => now, limits });
  const eventOf = (id: string, more: Partial<HistoryEvent> = {}): HistoryEvent =>
    historyEvent(id, { at: new Date(now).toISOString(), ...more });

  it('gives back what was appended, newest first, to whoever opens it next', async () => {
    const quality = { streamedS: 60, bitrateBps: 2e7, jitterMs: 0.5, videoLost: 1, videoDatagrams: 99 };
    const ended = eventOf('b', {
      kind: 'ended',
      reason: '=1+1 "x"\n',
      quality: { ...quality, fecReports: 0 },
    });
    const history = opened();
    expect(await idsOf(history)).toEqual([]);
    expect(await history.append(eventOf('a', { at: `${TODAY}T11:00:00Z`, client: 'Größe' }))).toBe('stored');
    expect(await history.append(ended)).toBe('stored');
    expect(await history.append(eventOf('y', { at: '2026-02-02T23:59:59Z' }))).toBe('stored');
    const read: HistoryEvent[] = [];
    for await (const event of opened().read()) read.push(event);
    expect(read.map(({ id }) => id)).toEqual(['b', 'a', 'y']);
    expect(read[0]).toEqual(ended);
    expect(read[1]?.client).toBe('Größe');
  });

  it('tells events of one moment from the last that came to the first', async () => {
    const history = opened();
    const ids = Array.from({ length: 150 }, (_, index) => `event-${(index * 7) % 150}`);
    for (const id of ids) await history.append(eventOf(id));
    expect(await idsOf(opened())).toEqual(ids.toReversed());
  });

  it('keeps an event once, whoever says it, on either side of midnight and after a restart', async () => {
    const event = eventOf('s/1/started', { at: '2026-02-02T23:59:59.999Z' });
    expect(await opened().append(event)).toBe('stored');
    const again = opened();
    expect(await again.append({ ...event, at: '2026-02-03T00:00:00.001Z' })).toBe('known');
    expect(await again.append(event)).toBe('known');
    expect(await idsOf(again)).toEqual(['s/1/started']);
  });

  it('forgets days that are too old, and takes none that are', async () => {
    for (let day = 0; day < HISTORY_DAYS + 3; day += 1) {
      now = NOW + day * DAY_MS;
      await opened().append(eventOf(`day-${day}`));
    }
    const ids = await idsOf(opened());
    expect([ids.length, ids[0], ids.at(-1)]).toEqual([HISTORY_DAYS, 'day-32', 'day-3']);
    expect(await opened().append(eventOf('late', { at: new Date(NOW).toISOString() }))).toBe('dropped');
  });

  it('stays within a day’s room, of which strangers get a part', async () => {
    const limits = { dayBytesMax: 2_000, strangerBytesMax: 500 };
    const fill = async (kind: HistoryEvent['kind']): Promise<number> => {
      let stored = 0;
      for (let index = 0; index < 50; index += 1) {
        // Opened anew each time: what is used up is known from the store alone.
        if ((await opened(limits).append(eventOf(`${kind}-${index}`, { kind }))) === 'stored') stored += 1;
      }
      return stored;
    };
    expect(await fill('pairingFailed')).toBeGreaterThan(0);
    expect(await bytesOf(opened())).toBeLessThanOrEqual(500);
    expect(await fill('ended')).toBeGreaterThan(10);
    expect(await bytesOf(opened())).toBeLessThanOrEqual(2_000);
    now += DAY_MS;
    expect(await opened(limits).append(eventOf('tomorrow', { kind: 'pairingFailed' }))).toBe('stored');
  });
}
