/** The history's contract, whoever keeps it. */
import type { HistoryEvent } from './event.ts';

/** How long an event is kept, whole days in UTC: today and those before. */
export const HISTORY_DAYS = 30;

/**
 * known: an event of this id is kept already; dropped: it is too old, or there is no more room for this day; waiting: the
 * store is away, and the event is written when it is back.
 */
export type AppendOutcome = 'stored' | 'known' | 'dropped' | 'waiting';

export interface History {
  /** Keeps an event. Any number of recorders may say the same. */
  append: (event: HistoryEvent) => Promise<AppendOutcome>;
  /** What is kept, newest first; reading may stop anywhere. */
  read: () => AsyncIterable<HistoryEvent>;
}
