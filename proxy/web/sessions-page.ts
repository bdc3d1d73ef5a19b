/** The page of the sessions: who plays what where, how the stream does, and the button that ends it. */
import { SAMPLED, type SampledFigure, type Samples } from '../history/streams.ts';
import { artOf } from './art.ts';
import type { Listing, QualityView, SessionView } from './facts.ts';
import { FORMATS, UNKNOWN, instant } from './format.ts';
import { html, type Html } from './html.ts';
import { NOTHING, liveRegion, renderPage, tokenField, type PageModel } from './layout.ts';
import { PICTURED, renderPicture } from './pictures.ts';

const TONES: Record<SessionView['phase'], string> = {
  Pending: 'warn',
  Provisioning: 'warn',
  Ready: 'warn',
  Streaming: 'good',
  Paused: 'quiet',
  Ended: 'quiet',
};

/** Ending asks back, by unfolding its button; a browser without scripts must not fold it again. */
export function renderSessionsPage(
  model: PageModel,
  { items, version }: Listing<SessionView>,
  samplesOf: (sessionId: string) => Samples | undefined,
): string {
  const list =
    items.length === 0
      ? html`<p class="empty">Nobody plays.</p>`
      : html`<ul class="cards">
          ${items.map((session) => sessionCard(session, samplesOf(session.id), model.token))}
        </ul>`;
  const body = html`${liveRegion('/api/sessions', version, list)}
    <p class="hint after">
      Loss and jitter are of the way from the host, RTT of the way between client and relay. All figures are
      also at
      <a href="/api/sessions">/api/sessions</a>.
    </p>`;
  return renderPage(model, { path: '/sessions', title: 'Sessions', body, reloads: items.length === 0 });
}

/** What a session does now. */
export function phaseBadges({ phase, isFrozen }: SessionView): Html {
  return html`<span class="badge ${TONES[phase]}">${phase}</span> ${
      isFrozen ? html`<span class="badge bad">Frozen</span>` : NOTHING
    }`;
}

function sessionCard(session: SessionView, samples: Samples | undefined, token: string): Html {
  const { id, app, appId, client, person, host, message } = session;
  return html`<li class="card" data-id="${id}">
    <h2>${artOf(appId)} ${app} ${phaseBadges(session)}</h2>
    ${message === null ? NOTHING : html`<p class="notice warn">${message}</p>`}
    <dl>
      <dt>Client</dt>
      <dd>${client}${person === null ? '' : ` of ${person}`}</dd>
      <dt>Host</dt>
      <dd>${host ?? UNKNOWN}</dd>
      <dt>Since</dt>
      <dd>${instant(session.since)}</dd>
    </dl>
    <dl class="figures">
      ${SAMPLED.map((figure) => figureCell(figure, session.quality, renderPicture(id, figure, samples)))}
    </dl>
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

function figureCell(figure: SampledFigure, quality: QualityView | null, picture: Html): Html {
  const { title, format } = PICTURED[figure];
  const value = quality?.[figure] ?? null;
  return html`<div>
    <dt>${title}</dt>
    <dd data-figure="${figure}" data-format="${format}">
      ${value === null ? UNKNOWN : FORMATS[format](value)}
    </dd>
    <dd>${picture}</dd>
  </div>`;
}
