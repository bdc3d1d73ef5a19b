/** The PIN page's style sheet, and the policy that lets nothing else in. */
import { hash } from 'node:crypto';
import { Html } from './html.ts';

/** Follows the light or dark choice of the system; colours have a contrast of at least 4.5. */
const STYLE = `
:root { color-scheme: light dark; }
body { margin: 0 auto; max-width: 44rem; padding: 1rem; font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; }
h2 { font-size: 1.2rem; margin-top: 2rem; }
.card { border: 1px solid GrayText; border-radius: .5rem; padding: 1rem; margin: 1rem 0; }
.message { border-left: .4rem solid Highlight; padding: .5rem 1rem; margin: 1rem 0; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; margin: 0 0 1rem; }
dd { margin: 0; overflow-wrap: anywhere; }
label { display: block; font-weight: 600; margin-top: .5rem; }
input { font: inherit; padding: .4rem; }
input[name=pin], .pin { font: 1.4rem ui-monospace, monospace; letter-spacing: .3em; }
button { font: inherit; padding: .4rem 1rem; margin-top: .75rem; }
:focus-visible { outline: 3px solid Highlight; outline-offset: 2px; }
ul { padding: 0; list-style: none; }
`;

/** The only style element that the policy allows. */
export const STYLE_ELEMENT = new Html(`<style>${STYLE}</style>`);

const STYLE_HASH = hash('sha256', STYLE, 'base64');

/**
 * Headers of every answer. `same-origin` as referrer policy sends nothing to others, and lets browsers name the
 * origin of our own forms; under `no-referrer` they would send `Origin: null`.
 */
export const SECURITY_HEADERS = {
  'content-security-policy': [
    "default-src 'none'",
    `style-src 'sha256-${STYLE_HASH}'`,
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'x-frame-options': 'DENY',
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
  'referrer-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
} as const;
