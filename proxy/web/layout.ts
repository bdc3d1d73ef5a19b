/** What the console's pages have in common: head, navigation, who is logged in, what came of the last form. */
import { Html, html } from './html.ts';
import { MESSAGES, type Message } from './messages.ts';

export const NOTHING = new Html('');

/** The pages, as the navigation lists them. */
export const PAGES = [
  { path: '/', title: 'Overview' },
  { path: '/pairing', title: 'Pairing' },
  { path: '/clients', title: 'Clients' },
  { path: '/hosts', title: 'Hosts' },
  { path: '/sessions', title: 'Sessions' },
  { path: '/history', title: 'History' },
] as const;
export type PagePath = (typeof PAGES)[number]['path'];

/** How often a browser without scripts looks for news, s. */
const RELOAD_S = 5;

/** What every page is told. */
export interface PageModel {
  hostname: string;
  /** Carried by every form. */
  token: string;
  message: Message | undefined;
  /** Who is logged in; `undefined` where nobody has to. */
  user: string | undefined;
  canLogOut: boolean;
}

export interface PageContent {
  path: PagePath;
  /** Before the host's name in the title. */
  title: string;
  body: Html;
  /** Whether a browser without scripts reloads by itself: not where somebody may be typing. */
  reloads: boolean;
}

/** A whole page of the console. */
export function renderPage(model: PageModel, { path, title, body, reloads }: PageContent): string {
  const heading = PAGES.find((page) => page.path === path)?.title ?? title;
  const reload = html`<noscript><meta http-equiv="refresh" content="${RELOAD_S}; url=${path}" /></noscript>`;
  return renderDocument({
    title: `${title} – ${model.hostname}`,
    head: html`${reloads ? reload : NOTHING}
      <script type="module" src="/console.js"></script>`,
    body: html`<a class="skip" href="#main">To the content</a>
      <header>
        <p class="brand">${model.hostname}</p>
        <nav aria-label="Pages">${navigation(path)}</nav>
        ${account(model)}
      </header>
      <main id="main">
        <h1>${heading}</h1>
        ${statusOf(model.message)}
        <p id="stale" class="notice warn" role="status" hidden>No answer: this page may be out of date.</p>
        ${body}
      </main>`,
  });
}

/** A document with the console's style and nothing else. */
export function renderDocument({ title, head, body }: { title: string; head: Html; body: Html }): string {
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        <link rel="stylesheet" href="/console.css" />
        ${head}
      </head>
      <body>
        ${body}
      </body>
    </html> `;
  return page.text;
}

/** What came of the form that was just sent. */
export function statusOf(message: Message | undefined): Html {
  if (message === undefined) return NOTHING;
  const { text, isGood } = MESSAGES[message];
  return html`<p role="status" class="notice ${isGood ? 'good' : 'warn'}">${text}</p>`;
}

/** The hidden field that every form needs. */
export function tokenField(token: string): Html {
  return html`<input type="hidden" name="token" value="${token}" />`;
}

/** A part that console.js keeps up to date. @param list path of its list in the JSON API. */
export function liveRegion(list: string, version: string, content: Html): Html {
  return html`<div data-live="${list}" data-version="${version}">${content}</div>`;
}

function navigation(current: PagePath): Html[] {
  return PAGES.map(({ path, title }) =>
    path === current
      ? html`<a href="${path}" aria-current="page">${title}</a>`
      : html`<a href="${path}">${title}</a>`,
  );
}

function account({ user, canLogOut, token }: PageModel): Html {
  if (user === undefined) return NOTHING;
  const button = html`<form method="post" action="/logout">
    ${tokenField(token)}<button type="submit" class="quiet">Log out</button>
  </form>`;
  return html`<div class="account"><span>${user}</span>${canLogOut ? button : NOTHING}</div>`;
}
