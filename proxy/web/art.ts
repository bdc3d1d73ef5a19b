/** Box art on the console: the picture that a host sent, or a plain one with the title's first letter. */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { CatalogApp } from '../../core/host/catalog.ts';
import { imageType } from '../../core/host/image.ts';
import type { Facts } from './facts.ts';
import { html, type Html } from './html.ts';

const ArtParams = z.object({ appId: z.coerce.number().int().positive() });
/** How long a browser keeps a picture, s: of a host; and the plain one, which a host may still replace. */
const KEEP_S = 3_600;
const KEEP_PLAIN_S = 60;
/** Colours of plain pictures, all dark enough for a white letter. */
const PLAIN = ['#33507a', '#5b3f77', '#2f6651', '#7a4130', '#6a5220', '#7a2f52'];
/** Apps of one host whose art is shown; the rest are names. */
const SHOWN_MAX = 24;

export function registerArt(app: FastifyInstance, facts: Pick<Facts, 'apps' | 'art'>): void {
  app.get('/art/:appId', async (request, reply) => {
    const params = ArtParams.safeParse(request.params);
    if (!params.success) {
      reply.callNotFound();
      return reply;
    }
    const { appId } = params.data;
    // A host's word on the type is not asked: only what is an image is passed on.
    const bytes = await facts.art(appId).catch(() => undefined);
    const type = bytes && imageType(bytes);
    const keepFor = (seconds: number): string => `private, max-age=${seconds}`;
    if (bytes !== undefined && type !== undefined) {
      return reply.type(type).header('cache-control', keepFor(KEEP_S)).send(Buffer.from(bytes));
    }
    const title = facts.apps().find(({ id }) => id === appId)?.title ?? '';
    const plain = drawPlain(appId, title).text;
    return reply.type('image/svg+xml').header('cache-control', keepFor(KEEP_PLAIN_S)).send(plain);
  });
}

/** Beside the title, so it says nothing to those who hear the page. */
export function artOf(appId: number): Html {
  return html`<img class="art" src="/art/${appId}" alt="" width="60" height="80" loading="lazy" />`;
}

/** The apps of a host, with their art. */
export function appList(titles: readonly string[], apps: readonly CatalogApp[]): Html {
  if (titles.length === 0) return html`–`;
  const ids = new Map(apps.map(({ id, title }) => [title, id]));
  const shown = titles.slice(0, SHOWN_MAX).map((title) => {
    const id = ids.get(title);
    return html`<li>${id === undefined ? '' : artOf(id)}<span>${title}</span></li>`;
  });
  const rest = titles.slice(SHOWN_MAX).join(', ');
  return html`<ul class="apps">
      ${shown}
    </ul>
    ${rest === '' ? '' : html`<p>${rest}</p>`}`;
}

function drawPlain(appId: number, title: string): Html {
  const [letter = '?'] = /\S/u.exec(title) ?? [];
  const colour = PLAIN[appId % PLAIN.length] ?? '';
  return html`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 60 80">
    <rect width="60" height="80" fill="${colour}" />
    <text
      x="30"
      y="51"
      fill="#fff"
      font-family="system-ui, sans-serif"
      font-size="32"
      font-weight="600"
      text-anchor="middle"
    >
      ${letter.toUpperCase()}
    </text>
  </svg>`;
}
