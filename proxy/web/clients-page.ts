/** The page of the paired clients: what each is called, whose it is, and the forms to rename and to remove it. */
import type { ClientView, Listing } from './facts.ts';
import { instant, shortFingerprint, UNNAMED_CLIENT } from './format.ts';
import { html, type Html } from './html.ts';
import { NOTHING, liveRegion, renderPage, tokenField, type PageModel } from './layout.ts';

/** Removing asks back, by unfolding its button. */
export function renderClientsPage(model: PageModel, { items, version }: Listing<ClientView>): string {
  const list =
    items.length === 0
      ? html`<p class="empty">None yet: <a href="/">pair one</a>.</p>`
      : html`<ul class="cards">
          ${items.map((client) => clientCard(client, model.token))}
        </ul>`;
  const body = liveRegion('/api/clients', version, list);
  return renderPage(model, { path: '/clients', title: 'Clients', body, reloads: false });
}

function clientCard(client: ClientView, token: string): Html {
  const { id, person, playing } = client;
  const name = client.name ?? UNNAMED_CLIENT;
  const certificate = shortFingerprint(client.fingerprint);
  return html`<li class="card" data-id="${id}">
    <h2>${name}</h2>
    <dl>
      ${person === null ? NOTHING : fact('Person', html`${person}`)} ${fact('Paired', instant(client.since))}
      ${fact('Certificate', html`<code>${certificate}</code>`)}
      ${playing === null ? NOTHING : fact('Plays', html`${playing}`)}
    </dl>
    <div class="actions">
      <details name="of-${id}">
        <summary id="rename-${id}">
          Rename<span class="unseen"> ${name}, certificate ${certificate}</span>
        </summary>
        <form method="post" action="/clients/rename">
          ${tokenField(token)}
          <input type="hidden" name="id" value="${id}" />
          <div class="field">
            <label for="name-${id}">New name</label>
            <input
              id="name-${id}"
              name="name"
              maxlength="100"
              autocomplete="off"
              value="${client.name ?? ''}"
            />
          </div>
          <button type="submit">Save</button>
        </form>
      </details>
      <details name="of-${id}">
        <summary id="revoke-${id}">
          Remove<span class="unseen"> ${name}, certificate ${certificate}</span>
        </summary>
        <form method="post" action="/clients/revoke">
          ${tokenField(token)}
          <input type="hidden" name="id" value="${id}" />
          <p>It is refused from now on and its game ends. It can pair again with a new PIN.</p>
          <button type="submit" class="danger">Remove this client</button>
        </form>
      </details>
    </div>
  </li>`;
}

function fact(term: string, value: Html): Html {
  return html`<dt>${term}</dt>
    <dd>${value}</dd>`;
}
