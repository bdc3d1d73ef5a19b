/** The page of the history: what happened, newest first, of everybody or of one person. */
import type { HistoryEvent, HistoryKind, PlayQuality } from '../../core/history/event.ts';
import { HISTORY_DAYS } from '../../core/history/history.ts';
import { FORMATS, instant } from './format.ts';
import { html, type Html } from './html.ts';
import { NOTHING, renderPage, type PageModel } from './layout.ts';
import { personList } from './pairing-page.ts';

const LABELS: Record<HistoryKind, { text: string; tone: string }> = {
  paired: { text: 'Paired', tone: 'good' },
  pairingFailed: { text: 'Not paired', tone: 'bad' },
  removed: { text: 'Removed', tone: 'quiet' },
  started: { text: 'Started', tone: 'good' },
  resumed: { text: 'Resumed', tone: 'good' },
  left: { text: 'Left', tone: 'quiet' },
  ended: { text: 'Ended', tone: 'quiet' },
  refused: { text: 'Refused', tone: 'bad' },
};

export interface HistoryPageFacts {
  /** `undefined` while the store is away. */
  events: readonly HistoryEvent[] | undefined;
  /** Whose; '' for everybody's. */
  person: string;
  /** From 1. */
  page: number;
  hasOlder: boolean;
  /** Persons that have clients now. */
  persons: readonly string[];
}

/** Stays as it is until it is asked for again: a list that grows under the reader is hard to read. */
export function renderHistoryPage(model: PageModel, facts: HistoryPageFacts): string {
  const { person, persons } = facts;
  const body = html`<form method="get" action="/history" class="filter">
      <div class="field">
        <label for="person">Person <span class="hint">or the name of a client without one</span></label>
        <input
          id="person"
          name="person"
          maxlength="100"
          list="persons"
          autocomplete="off"
          autocapitalize="none"
          value="${person}"
        />
      </div>
      <button type="submit">Show</button>
    </form>
    ${eventList(facts)} ${pager(facts)}
    <p class="hint">
      Of the last ${HISTORY_DAYS} days. All of it, to take along:
      <a href="${linkTo('/history.csv', { person })}" download>CSV</a>,
      <a href="${linkTo('/api/history', { person })}">JSON</a>.
    </p>
    ${personList(persons)}`;
  return renderPage(model, { path: '/history', title: 'History', body, reloads: false });
}

function eventList({ events, person }: HistoryPageFacts): Html {
  if (events === undefined) {
    return html`<p class="notice warn">
      The history cannot be read right now: Redis does not answer. What happens meanwhile is added when it is
      back.
    </p>`;
  }
  if (events.length > 0) {
    return html`<ol class="rows card history">
      ${events.map(eventRow)}
    </ol>`;
  }
  return html`<p class="empty">
    ${person === '' ? `Nothing happened in the last ${HISTORY_DAYS} days.` : `Nothing is known of ${person}.`}
  </p>`;
}

function eventRow(event: HistoryEvent): Html {
  const { text, tone } = LABELS[event.kind];
  const { reason, quality, at } = event;
  return html`<li>
    <span class="when">${instant(at)}</span>
    <span class="badge ${tone}">${text}</span>
    <div>
      ${sentenceOf(event)} ${reason === undefined ? NOTHING : html`<span class="soft">${reason}.</span>`}
      ${quality === undefined ? NOTHING : html`<p class="hint">${describeQuality(quality)}</p>`}
    </div>
  </li>`;
}

function sentenceOf({ app, client, person, host, address, kind, since, at }: HistoryEvent): Html {
  const who = client ?? (app === undefined ? 'A client' : 'An unnamed client');
  const whose = person === undefined ? '' : ` of ${person}`;
  const from = address === undefined ? '' : ` at ${address}`;
  if (app === undefined) return html`<strong>${who}</strong>${whose}${from}.`;
  const where = host === undefined ? '' : ` on ${host}`;
  const lasted = kind === 'ended' && since !== undefined ? ` after ${durationOf(since, at)}` : '';
  return html`<strong>${app}</strong>${where} for ${who}${whose}${lasted}.`;
}

function describeQuality({ bitrateBps, jitterMs, rttMs, streamedS, ...counts }: PlayQuality): string {
  const { videoLost, videoDatagrams, fecReports } = counts;
  const sent = videoLost + videoDatagrams;
  const parts = [
    ...(streamedS === 0 ? [] : [FORMATS.bitrate(bitrateBps)]),
    `${FORMATS.percent(sent === 0 ? 0 : (100 * videoLost) / sent)} lost`,
    ...(streamedS === 0 ? [] : [`jitter ${FORMATS.milliseconds(jitterMs)}`]),
    ...(rttMs === undefined ? [] : [`RTT ${FORMATS.milliseconds(rttMs)}`]),
    `${fecReports} FEC reports`,
  ];
  return parts.join(', ');
}

/** Such as `2 h 5 min`. */
function durationOf(since: string, at: string): string {
  const seconds = Math.max(0, Math.round((Date.parse(at) - Date.parse(since)) / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function pager({ person, page, hasOlder }: HistoryPageFacts): Html {
  const to = (other: number): string => linkTo('/history', { person, page: String(other) });
  if (page === 1 && !hasOlder) return NOTHING;
  return html`<nav aria-label="Pages of the history" class="pager">
    ${page > 1 ? html`<a href="${to(page - 1)}" rel="prev">Newer</a>` : NOTHING}
    ${hasOlder ? html`<a href="${to(page + 1)}" rel="next">Older</a>` : NOTHING}
  </nav>`;
}

function linkTo(path: string, query: Record<string, string>): string {
  const given = Object.entries(query).filter(([, value]) => value !== '');
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given).toString()}`;
}
