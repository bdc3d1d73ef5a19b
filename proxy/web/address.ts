/** The address to type into Moonlight, as people take it along: to copy, to scan, to read. */
import { html, type Html } from './html.ts';
import { NOTHING } from './layout.ts';
import type { About } from './overview.ts';
import { renderQr } from './qr.ts';

/** The first address large, with its QR code; the others below. The copy button appears where scripts run. */
export async function renderAddress({ addresses, awayAddress }: About): Promise<Html> {
  const [first = awayAddress ?? '', ...others] = addresses;
  return html`<div class="address card">
    <div>
      <p class="lead">In Moonlight, add the host</p>
      <p class="big">
        <code id="address">${first}</code>
        <button type="button" class="quiet" data-copy="address" hidden>
          Copy<span class="unseen"> the address</span>
        </button>
        <span class="hint" role="status" id="copied"></span>
      </p>
      ${others.length === 0 ? NOTHING : html`<p class="hint">Or, in another of its networks: ${others.join(', ')}</p>`}
      ${
        awayAddress === null || awayAddress === first
          ? NOTHING
          : html`<p class="hint">From elsewhere: ${awayAddress}</p>`
      }
    </div>
    ${await renderQr(first)}
  </div>`;
}
