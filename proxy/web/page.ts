/** The PIN page as HTML: pure, from what there is to show. Works without scripts, by keyboard and read aloud. */
import type { AwaitedPin } from '../../core/host/catalog.ts';
import type { Pairing } from '../../core/crd/types.ts';
import type { PendingExchange } from '../pairing/types.ts';
import { Html, html } from './html.ts';
import { STYLE_ELEMENT } from './style.ts';

/** What came of the form that was just sent; names a message, so that no text comes from the URL. */
export const MESSAGES = {
  paired: 'Paired. The client may play now.',
  pinWrong:
    'The PIN was wrong, or the client gave up: start pairing on the client again and type its new PIN.',
  expired: 'The client did not go on in time: start pairing on the client again.',
  clientLeft: 'The client went away: start pairing on it again.',
  replaced: 'The client started pairing anew: type the PIN that it shows now.',
  failed: 'Pairing failed: start it on the client again.',
  waiting:
    'The PIN was passed on; the client has not finished yet. It shows up below as soon as it is paired.',
  gone: 'This client no longer waits for a PIN.',
  invalid: 'A PIN has four digits, and a name at most 100 characters.',
  removed: 'The client was removed.',
} as const;
export type Message = keyof typeof MESSAGES;

const NOTHING = new Html('');
/** Digits of a fingerprint that people compare. */
const FINGERPRINT_DIGITS = 16;
/** How often a page without a form looks for news, s. */
const REFRESH_S = 5;

export interface PageModel {
  hostname: string;
  /** Carried by every form. */
  token: string;
  message: Message | undefined;
  pending: readonly PendingExchange[];
  awaitedPins: readonly AwaitedPin[];
  pairings: readonly Pairing[];
  /** Milliseconds since the epoch. */
  now: number;
}

/** The whole page. While a PIN form is open it does not reload by itself, so that typing is not disturbed. */
export function renderPage(model: PageModel): string {
  const { hostname, message, pending } = model;
  const status = message && MESSAGES[message];
  const hasForm = pending.some(({ awaitsPin }) => awaitsPin);
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        ${hasForm ? NOTHING : html`<meta http-equiv="refresh" content="${REFRESH_S}; url=/" />`}
        <title>${status ?? (hasForm ? 'PIN wanted' : 'Pairing')} – ${hostname}</title>
        ${STYLE_ELEMENT}
      </head>
      <body>
        <main>
          <h1>Pairing with ${hostname}</h1>
          ${status === undefined ? NOTHING : html`<p role="status" aria-live="polite" class="message">${status}</p>`}
          ${pendingSection(model)} ${awaitedSection(model.awaitedPins)} ${pairingsSection(model)}
          <p><a href="/">Look again</a></p>
        </main>
      </body>
    </html> `;
  return page.text;
}

function pendingSection({ pending, token, now }: PageModel): Html {
  const first = pending.find(({ awaitsPin }) => awaitsPin);
  const cards = pending.map((exchange) => pendingCard(exchange, { token, now, isFirst: exchange === first }));
  return html`<section aria-labelledby="pending">
    <h2 id="pending">Clients that want to pair</h2>
    ${cards.length === 0 ? html`<p>None. Choose this host in Moonlight; the client then shows a PIN.</p>` : cards}
  </section>`;
}

function pendingCard(
  { id, address, fingerprint, since, awaitsPin }: PendingExchange,
  { token, now, isFirst }: { token: string; now: number; isFirst: boolean },
): Html {
  const form = html`<form method="post" action="/pin">
    <input type="hidden" name="token" value="${token}" />
    <input type="hidden" name="id" value="${id}" />
    <label for="pin-${id}">PIN that the client at ${address} shows</label>
    <input
      id="pin-${id}"
      name="pin"
      inputmode="numeric"
      pattern="[0-9]{4}"
      maxlength="4"
      size="4"
      title="four digits"
      autocomplete="off"
      required${isFirst ? new Html(' autofocus') : ''}
    />
    <label for="name-${id}">Name for this client (optional)</label>
    <input id="name-${id}" name="name" maxlength="100" autocomplete="off" />
    <div><button type="submit">Pair this client</button></div>
  </form>`;
  return html`<article
    class="card"
    aria-label="Client at ${address}, certificate ${shortFingerprint(fingerprint)}"
  >
    <dl>
      <dt>From</dt>
      <dd>${address}</dd>
      <dt>Since</dt>
      <dd>${instant(since)} (${secondsAgo(since, now)})</dd>
      <dt>Certificate</dt>
      <dd><code>${shortFingerprint(fingerprint)}</code></dd>
    </dl>
    ${awaitsPin ? form : html`<p>The PIN was entered; waiting for the client.</p>`}
  </article>`;
}

function awaitedSection(awaitedPins: readonly AwaitedPin[]): Html {
  if (awaitedPins.length === 0) return NOTHING;
  const cards = awaitedPins.map(
    ({ hostName, address, pin }) =>
      html`<li class="card">
        Type <strong class="pin">${pin}</strong> at the machine <strong>${hostName}</strong> (${address}).
      </li>`,
  );
  return html`<section aria-labelledby="awaited">
    <h2 id="awaited">Machines that wait for a PIN</h2>
    <ul>
      ${cards}
    </ul>
  </section>`;
}

function pairingsSection({ pairings, token }: PageModel): Html {
  const cards = pairings.map(({ metadata, spec }) => {
    const name = spec.clientName ?? 'Unnamed client';
    const fingerprint = shortFingerprint(spec.fingerprint);
    return html`<li class="card">
      <strong>${name}</strong>, certificate <code>${fingerprint}</code>, since
      ${instant(Date.parse(metadata.creationTimestamp))}
      <form method="post" action="/remove">
        <input type="hidden" name="token" value="${token}" />
        <input type="hidden" name="id" value="${metadata.name}" />
        <button type="submit" aria-label="Remove ${name}, certificate ${fingerprint}">
          Remove, and end its game
        </button>
      </form>
    </li>`;
  });
  return html`<section aria-labelledby="paired">
    <h2 id="paired">Paired clients</h2>
    ${
      cards.length === 0
        ? html`<p>None yet.</p>`
        : html`<ul>
            ${cards}
          </ul>`
    }
  </section>`;
}

function shortFingerprint(fingerprint: string): string {
  return fingerprint.slice(0, FINGERPRINT_DIGITS).replace(/(.{4})(?=.)/g, '$1 ');
}

function instant(milliseconds: number): Html {
  const iso = new Date(milliseconds).toISOString();
  return html`<time datetime="${iso}">${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC</time>`;
}

function secondsAgo(since: number, now: number): string {
  return `${Math.max(0, Math.round((now - since) / 1000))} s ago`;
}
