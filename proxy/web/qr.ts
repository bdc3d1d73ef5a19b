/** QR codes as SVG. */
import { html, type Html } from './html.ts';

/** Modules of quiet around the code, as readers want it. */
const QUIET = 3;
/** Codes kept: an address of this machine each, the one made first is forgotten first. */
const CACHE_MAX = 8;
const cache = new Map<string, Html>();

/** `text` as a QR code, named by it. The library is loaded when the first code is wanted. */
export async function renderQr(text: string): Promise<Html> {
  const known = cache.get(text);
  if (known !== undefined) return known;
  const { default: encode } = await import('qr');
  const drawn = draw(text, encode(text, 'raw', { ecc: 'medium', border: QUIET }));
  for (const oldest of cache.keys()) {
    if (cache.size < CACHE_MAX) break;
    cache.delete(oldest);
  }
  cache.set(text, drawn);
  return drawn;
}

/** Dark modules of a row beside each other are one rectangle. */
function draw(text: string, rows: readonly (readonly boolean[])[]): Html {
  const bars = rows.flatMap((row, y) =>
    [
      ...row
        .map((isDark) => (isDark ? '#' : ' '))
        .join('')
        .matchAll(/#+/g),
    ].map(({ index, 0: { length } }) => `M${index} ${y}h${length}v1h-${length}z`),
  );
  const size = rows.length;
  return html`<svg
    class="qr"
    role="img"
    aria-label="QR code of ${text}"
    viewBox="0 0 ${size} ${size}"
    shape-rendering="crispEdges"
  >
    <path d="${bars.join('')}" />
  </svg>`;
}
