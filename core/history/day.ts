/** What every store of days of events has in common. */
import { setImmediate } from 'node:timers/promises';
import { HistoryEvent } from './event.ts';
import { HISTORY_DAYS } from './history.ts';

export const DAY_MS = 86_400_000;
/** Most that is kept of a day, bytes, and how much of it strangers can fill by failing to pair. */
export const DAY_LIMITS = { dayBytesMax: 512 * 1024, strangerBytesMax: 64 * 1024 };
/** Lines that are parsed at a stretch. */
const BATCH = 32;

/** Such as `2026-02-03`, in UTC. @param at milliseconds since the epoch. */
export function dayOf(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}

export function shiftDay(day: string, days: number): string {
  return dayOf(Date.parse(day) + days * DAY_MS);
}

/** The oldest day that is kept. @param now milliseconds since the epoch. */
export function oldestDay(now: number): string {
  return dayOf(now - (HISTORY_DAYS - 1) * DAY_MS);
}

/** Where an event may stand already: two recorders may see it on either side of midnight. Its own day comes first. */
export function daysAround(event: HistoryEvent): [string, string, string] {
  const day = dayOf(Date.parse(event.at));
  return [day, shiftDay(day, -1), shiftDay(day, 1)];
}

/**
 * Events from JSON, an event a line; what is none is left out. Streams may be forwarded on this thread: it is never
 * kept for longer than a few lines take.
 */
export async function parseEvents(lines: readonly string[]): Promise<HistoryEvent[]> {
  const events: HistoryEvent[] = [];
  for (const [index, line] of lines.entries()) {
    if (index % BATCH === BATCH - 1) await setImmediate();
    const event = parseLine(line);
    if (event !== undefined) events.push(event);
  }
  return events;
}

function parseLine(line: string): HistoryEvent | undefined {
  if (line === '') return undefined;
  try {
    return HistoryEvent.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}

/** By when they were; of the same moment, the one that came last is first. @param events in the order in which they came. */
export function newestFirst(events: readonly HistoryEvent[]): HistoryEvent[] {
  return events.toReversed().sort((one, other) => compare(other.at, one.at));
}

function compare(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}
