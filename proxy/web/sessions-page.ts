/** The page of the sessions: who plays what where, how the stream does, and the button that ends it. */
import type { Listing, QualityView, SessionView } from './facts.ts';
import { FORMATS, UNKNOWN, instant, type Format } from './format.ts';
import { html, type Html } from './html.ts';
import { NOTHING, liveRegion, renderPage, tokenField, type PageModel } from './layout.ts';

const TONES: Record<SessionView['phase'], string> = {
  Pending: 'warn',
  Provisioning: 'warn',
  Ready: 'warn',
  Streaming: 'good',
  Paused: 'quiet',
  Ended: 'quiet',
};

/** The figures of a stream, one column each. */
const FIGURES: readonly { figure: keyof QualityView; title: string; format: Format }[] = [
  { figure: 'bitrateBps', title: 'Bitrate', format: 'bitrate' },
  { figure: 'lossPercent', title: 'Loss', format: 'percent' },
  { figure: 'jitterMs', title: 'Jitter', format: 'milliseconds' },
  { figure: 'rttMs', title: 'RTT', format: 'milliseconds' },
];

/** Ending asks back, by unfolding its button; a browser without scripts must not fold it again. */
export function renderSessionsPage(model: PageModel, { items, version }: Listing<SessionView>): string {
  const list =
    items.length === 0
      ? html`<p class="empty">Nobody plays.</p>`
      : html`<ul class="cards">
          ${items.map((session) => sessionCard(session, model.token))}
        </ul>`;
  const body = html`${liveRegion('/api/sessions', version, list)}
    <p class="hint after">
      Loss and jitter are of the way from the host, RTT of the way between client and relay. All figures are
      also at
      <a href="/api/sessions">/api/sessions</a>.
    </p>`;
  return renderPage(model, { path: '/sessions', title: 'Sessions', body, reloads: items.length === 0 });
}

function sessionCard(session: SessionView, token: string): Html {
  const { id, app, client, person, phase, host, message } = session;
  return html`<li class="card" data-id="${id}">
    <h2>
      ${app} <span class="badge ${TONES[phase]}">${phase}</span>
      ${session.isFrozen ? html`<span class="badge bad">Frozen</span>` : NOTHING}
    </h2>
    ${message === null ? NOTHING : html`<p class="notice warn">${message}</p>`}
    <dl>
      <dt>Client</dt>
      <dd>${client}${person === null ? '' : ` of ${person}`}</dd>
      <dt>Host</dt>
      <dd>${host ?? UNKNOWN}</dd>
      <dt>Since</dt>
      <dd>${instant(session.since)}</dd>
    </dl>
    <dl class="figures">${FIGURES.map((each) => figureCell(each, session.quality))}</dl>
    <div class="actions">
      <details>
        <summary id="end-${id}">End<span class="unseen"> ${app} of ${client}</span></summary>
        <form method="post" action="/sessions/end">
          ${tokenField(token)}
          <input type="hidden" name="id" value="${id}" />
          <p>The game is closed; what was not saved in it is lost.</p>
          <button type="submit" class="danger">End this session</button>
        </form>
      </details>
    </div>
  </li>`;
}

function figureCell({ figure, title, format }: (typeof FIGURES)[number], quality: QualityView | null): Html {
  const value = quality?.[figure] ?? null;
  return html`<div>
    <dt>${title}</dt>
    <dd data-figure="${figure}" data-format="${format}">
      ${value === null ? UNKNOWN : FORMATS[format](value)}
    </dd>
  </div>`;
}
