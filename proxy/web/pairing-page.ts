/** The page where clients are let in: who asks, the form for the PIN, and the PINs that hosts wait for. */
import { PERSON_PATTERN, type PendingExchange } from '../pairing/types.ts';
import { renderAddress } from './address.ts';
import type { HostView, Listing } from './facts.ts';
import { instant, shortFingerprint } from './format.ts';
import { Html, html } from './html.ts';
import { NOTHING, liveRegion, renderPage, tokenField, type PageModel } from './layout.ts';
import type { About } from './overview.ts';

export interface PairingPageFacts {
  pending: Listing<PendingExchange>;
  hosts: readonly HostView[];
  /** Persons that have clients already. */
  persons: readonly string[];
  /** Whose client it becomes when no person is typed; `undefined`: that of a person of its own. */
  sender: string | undefined;
  /** Milliseconds since the epoch. */
  now: number;
}

/** As a browser checks it; capitals are made small. */
const PERSON_INPUT = PERSON_PATTERN.source.replaceAll('a-z', 'A-Za-z').replaceAll('-]', '\\-]').slice(1, -1);

/** While a PIN form is open, a browser without scripts does not reload, so that typing is not disturbed. */
export async function renderPairingPage(
  model: PageModel,
  facts: PairingPageFacts,
  about: About,
): Promise<string> {
  const { items, version } = facts.pending;
  const waiting = items.filter(({ awaitsPin }) => awaitsPin).length;
  const body = html`<section aria-labelledby="pending">
      <h2 id="pending">Clients that want to pair</h2>
      ${
        items.length === 0
          ? html`<p class="empty">
              None. Add this host in Moonlight and choose it; the client then shows a PIN.
            </p>`
          : pendingCards(model, facts)
      }
    </section>
    ${awaitedSection(facts.hosts)}`;
  return renderPage(model, {
    path: '/pairing',
    title: waiting > 0 ? 'PIN wanted' : 'Pairing',
    body: html`${liveRegion('/api/pairings', version, body)}
    ${items.length === 0 ? await renderAddress(about) : NOTHING} ${personList(facts.persons)}`,
    reloads: waiting === 0,
  });
}

/** A card for each client that asks, with the form for its PIN. */
export function pendingCards(model: PageModel, facts: PairingPageFacts): Html[] {
  return facts.pending.items.map((exchange, index) =>
    pendingCard(exchange, { model, facts, isFirst: index === 0 }),
  );
}

interface CardContext {
  model: PageModel;
  facts: PairingPageFacts;
  isFirst: boolean;
}

function pendingCard(exchange: PendingExchange, { model, facts, isFirst }: CardContext): Html {
  const { address, fingerprint, since, awaitsPin } = exchange;
  const certificate = shortFingerprint(fingerprint);
  return html`<article class="card" aria-label="Client at ${address}, certificate ${certificate}">
    <dl>
      <dt>From</dt>
      <dd>${address}</dd>
      <dt>Since</dt>
      <dd>${instant(since)} (${secondsAgo(since, facts.now)})</dd>
      <dt>Certificate</dt>
      <dd><code>${certificate}</code></dd>
    </dl>
    ${awaitsPin ? pinForm(exchange, { model, facts, isFirst }) : html`<p>The PIN was entered; waiting for the client.</p>`}
  </article>`;
}

function pinForm({ id, address }: PendingExchange, { model, facts, isFirst }: CardContext): Html {
  return html`<form method="post" action="/pin">
    ${tokenField(model.token)}
    <input type="hidden" name="id" value="${id}" />
    <div class="field">
      <label for="pin-${id}">PIN that the client at ${address} shows</label>
      <input
        id="pin-${id}"
        name="pin"
        class="pin"
        inputmode="numeric"
        pattern="[0-9]{4}"
        maxlength="4"
        size="4"
        title="four digits"
        autocomplete="off"
        required${isFirst ? new Html(' autofocus') : NOTHING}
      />
    </div>
    <div class="fields">
      <div class="field">
        <label for="name-${id}">Name of the client <span class="hint">optional</span></label>
        <input
          id="name-${id}"
          name="name"
          maxlength="100"
          autocomplete="off"
          aria-describedby="name-hint-${id}"
        />
        <p class="hint" id="name-hint-${id}">Such as “Living room TV”.</p>
      </div>
      <div class="field">
        <label for="person-${id}">Person <span class="hint">optional</span></label>
        <input
          id="person-${id}"
          name="person"
          maxlength="40"
          pattern="${PERSON_INPUT}"
          title="letters, digits and dashes"
          list="persons"
          autocomplete="off"
          autocapitalize="none"
          aria-describedby="person-hint-${id}"
        />
        <p class="hint" id="person-hint-${id}">${personHint(facts.sender)}</p>
      </div>
    </div>
    <button type="submit" id="pair-${id}">Pair this client</button>
  </form>`;
}

function personHint(sender: string | undefined): Html {
  const sharing = html`Clients of one person share their games.`;
  return sender === undefined ? sharing : html`Yours, ${sender}, if you leave it empty. ${sharing}`;
}

/** Kept outside the live part: what somebody picks from must not vanish. */
export function personList(persons: readonly string[]): Html {
  return html`<datalist id="persons">
    ${persons.map((person) => html`<option value="${person}"></option>`)}
  </datalist>`;
}

/** The PINs that hosts wait for; nothing where none does. */
export function awaitedSection(hosts: readonly HostView[]): Html {
  const cards = hosts.flatMap(({ name, address, pin }) => {
    if (pin === null) return [];
    return html`<li class="card">
      Type <strong class="pin">${pin}</strong> at the machine <strong>${name}</strong> (${address}).
    </li>`;
  });
  if (cards.length === 0) return NOTHING;
  return html`<section aria-labelledby="awaited">
    <h2 id="awaited">Hosts that wait for a PIN</h2>
    <ul class="cards">
      ${cards}
    </ul>
  </section>`;
}

function secondsAgo(since: number, now: number): string {
  return `${Math.max(0, Math.round((now - since) / 1000))} s ago`;
}
