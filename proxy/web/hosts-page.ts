/** The page of the hosts: which are up, what they offer, how many places are taken, and the PINs they wait for. */
import type { CatalogApp } from '../../core/host/catalog.ts';
import { appList } from './art.ts';
import type { HostView, Listing } from './facts.ts';
import { html, type Html } from './html.ts';
import { NOTHING, liveRegion, renderPage, type PageModel } from './layout.ts';

/** How a host's state is said. */
export const HOST_STATES: Record<HostView['state'], { text: string; tone: string }> = {
  up: { text: 'Up', tone: 'good' },
  down: { text: 'Down', tone: 'bad' },
  unpaired: { text: 'Not paired', tone: 'warn' },
};

/** Nothing to type here, so it reloads by itself. */
export function renderHostsPage(
  model: PageModel,
  { items, version }: Listing<HostView>,
  catalog: readonly CatalogApp[],
): string {
  const list =
    items.length === 0
      ? html`<p class="empty">None: name them in <code>hosts.yaml</code>.</p>`
      : html`<ul class="cards">
          ${items.map((host) => hostCard(host, catalog))}
        </ul>`;
  const body = liveRegion('/api/hosts', version, list);
  return renderPage(model, { path: '/hosts', title: 'Hosts', body, reloads: true });
}

function hostCard(host: HostView, catalog: readonly CatalogApp[]): Html {
  const { name, address, state, problem, capacity, used, apps, notices, labels, pin } = host;
  const { text, tone } = HOST_STATES[state];
  const tags = Object.entries(labels).map(([key, value]) => html`<li>${key}: ${value}</li>`);
  return html`<li class="card" data-id="${name}">
    <h2>${name} <span class="badge ${tone}">${text}</span></h2>
    ${
      pin === null
        ? NOTHING
        : html`<p class="notice warn">
            Type <strong class="pin">${pin}</strong> at this machine to let Gleipnir in.
          </p>`
    }
    ${problem === null ? NOTHING : html`<p class="problem">${capitalised(problem)}.</p>`}
    ${notices.map((notice) => html`<p class="notice warn">${notice}</p>`)}
    <dl>
      <dt>Address</dt>
      <dd>${address}</dd>
      <dt>Sessions</dt>
      <dd>
        ${used} of ${capacity} <meter min="0" max="${capacity}" value="${used}" aria-hidden="true"></meter>
      </dd>
      <dt>Apps</dt>
      <dd>${appList(apps, catalog)}</dd>
      ${
        tags.length === 0
          ? NOTHING
          : html`<dt>Labels</dt>
              <dd>
                <ul class="tags">
                  ${tags}
                </ul>
              </dd>`
      }
    </dl>
  </li>`;
}

function capitalised(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
