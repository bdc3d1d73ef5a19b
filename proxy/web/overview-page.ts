/** The first page: the address for Moonlight, what needs a person, who plays what, how the hosts are, what runs here. */
import type { Samples } from '../history/streams.ts';
import { renderAddress } from './address.ts';
import { artOf } from './art.ts';
import type { HostView, Listing, SessionView } from './facts.ts';
import { FORMATS, UNKNOWN } from './format.ts';
import { HOST_STATES } from './hosts-page.ts';
import { html, type Html } from './html.ts';
import { NOTHING, liveRegion, renderPage, type PageModel } from './layout.ts';
import type { About, Attention, Overview } from './overview.ts';
import { awaitedSection, pendingCards, personList, type PairingPageFacts } from './pairing-page.ts';
import { renderPicture } from './pictures.ts';
import { phaseBadges } from './sessions-page.ts';

export interface OverviewFacts {
  overview: Overview;
  pairing: PairingPageFacts;
  hosts: Listing<HostView>;
  sessions: Listing<SessionView>;
  samplesOf: (sessionId: string) => Samples | undefined;
}

/** Whoever types a PIN here is not disturbed: without scripts the page then does not reload. */
export async function renderOverviewPage(model: PageModel, facts: OverviewFacts): Promise<string> {
  const { overview, pairing, hosts, sessions } = facts;
  const waiting = overview.items.filter(({ kind }) => kind === 'pinOfClient').length;
  const body = html`${liveRegion('/api/overview', overview.version, attentionSection(model, facts))}
    <section aria-labelledby="where">
      <h2 id="where">Where clients find it</h2>
      ${await renderAddress(overview.about)}
    </section>
    <section aria-labelledby="playing">
      <h2 id="playing">Playing now</h2>
      ${liveRegion('/api/sessions', sessions.version, sessionList(sessions.items, facts))}
    </section>
    <section aria-labelledby="hosts">
      <h2 id="hosts">Hosts</h2>
      ${liveRegion('/api/hosts', hosts.version, hostList(hosts.items))}
    </section>
    ${aboutSection(overview.about)} ${personList(pairing.persons)}`;
  return renderPage(model, {
    path: '/',
    title: waiting > 0 ? 'PIN wanted' : 'Overview',
    body,
    reloads: waiting === 0,
  });
}

function attentionSection(model: PageModel, { overview, pairing }: OverviewFacts): Html {
  const alerts = overview.items.flatMap((item) => alertOf(item) ?? []);
  const { items } = pairing.pending;
  const isQuiet = overview.items.length === 0 && items.length === 0;
  if (isQuiet) return html`<section><p class="notice good">All is well: nothing needs you.</p></section>`;
  return html`<section aria-labelledby="attention">
      <h2 id="attention">Needs you</h2>
      ${
        alerts.length === 0
          ? NOTHING
          : html`<ul class="alerts">
              ${alerts}
            </ul>`
      }
      ${items.length === 0 ? NOTHING : pendingCards(model, pairing)}
    </section>
    ${awaitedSection(pairing.hosts)}`;
}

/** PINs have sections of their own. */
function alertOf(item: Attention): Html | undefined {
  switch (item.kind) {
    case 'pinOfClient':
    case 'pinOfHost':
      return undefined;
    case 'hostDown':
      return html`<li class="notice bad">
        <strong>${item.host}</strong> does not answer: is it on, and Wolf or Sunshine running?
        <a href="/hosts">Hosts</a>
      </li>`;
    case 'frozen':
      return html`<li class="notice warn">
        <strong>${item.app}</strong> stands still for ${item.client}: its host sends no picture.
        <a href="/sessions">Sessions</a>
      </li>`;
  }
}

function sessionList(sessions: readonly SessionView[], { samplesOf }: OverviewFacts): Html {
  const playing = sessions.filter(({ phase }) => phase !== 'Ended');
  if (playing.length === 0) return html`<p class="empty">Nobody plays.</p>`;
  return html`<ul class="cards two">
    ${playing.map((session) => sessionCard(session, samplesOf(session.id)))}
  </ul>`;
}

function sessionCard(session: SessionView, samples: Samples | undefined): Html {
  const { id, app, appId, client, person, host, quality } = session;
  return html`<li class="card with-art" data-id="${id}">
    ${artOf(appId)}
    <div>
      <h3>${app} ${phaseBadges(session)}</h3>
      <p class="soft">${client}${person === null ? '' : ` of ${person}`} on ${host ?? UNKNOWN}</p>
      <p class="figure">
        <span class="unseen">Bitrate </span
        ><span data-figure="bitrateBps" data-format="bitrate"
          >${quality === null ? UNKNOWN : FORMATS.bitrate(quality.bitrateBps)}</span
        >
      </p>
      ${renderPicture(id, 'bitrateBps', samples)}
    </div>
  </li>`;
}

function hostList(hosts: readonly HostView[]): Html {
  if (hosts.length === 0) return html`<p class="empty">None: name them in <code>hosts.yaml</code>.</p>`;
  return html`<ul class="rows card">
    ${hosts.map(({ name, address, state, capacity, used }) => {
      const { text, tone } = HOST_STATES[state];
      return html`<li>
        <strong>${name}</strong> <span class="badge ${tone}">${text}</span>
        <span class="soft">${address}</span>
        <span class="end"
          >${used} of ${capacity} in use
          <meter min="0" max="${capacity}" value="${used}" aria-hidden="true"></meter
        ></span>
      </li>`;
    })}
  </ul>`;
}

function aboutSection({ version, datapath: { engine, reason } }: About): Html {
  return html`<p class="hint">
    Gleipnir ${version}. Streams are forwarded by <strong>${engine}</strong>: ${reason}. Also at
    <a href="/api/overview">/api/overview</a>.
  </p>`;
}
