/**
 * Live refresh of the console. Every page works without it: it asks the JSON API for the lists of this page, writes
 * the figures that changed into their cells, and fetches the page anew when a list has another version.
 */

const REFRESH_MS = 2_000;

/** As in format.ts. */
export const FORMATS = {
  bitrate: (bps) => `${(bps / 1e6).toFixed(1)} Mbit/s`,
  percent: (percent) => `${percent.toFixed(1)} %`,
  milliseconds: (ms) => `${ms.toFixed(ms < 10 ? 1 : 0)} ms`,
};
const UNKNOWN = '–';

/** Whether somebody types into `region` or has something open in it. */
function isInUse(region) {
  const inputs = [...region.querySelectorAll('input:not([type=hidden])')];
  return (
    region.querySelector('details[open]') !== null ||
    inputs.some(({ value, defaultValue }) => value !== defaultValue)
  );
}

function writeFigures(region, items) {
  const byId = new Map(items.map((item) => [item.id, item]));
  for (const cell of region.querySelectorAll('[data-figure]')) {
    const { figure, format } = cell.dataset;
    const value = byId.get(cell.closest('[data-id]')?.dataset.id)?.quality?.[figure];
    const text = typeof value === 'number' ? FORMATS[format](value) : UNKNOWN;
    if (cell.textContent !== text) cell.textContent = text;
  }
}

async function replace(region) {
  const response = await fetch(location.pathname);
  const page = new DOMParser().parseFromString(await response.text(), 'text/html');
  const fresh = page.querySelector(`[data-live="${region.dataset.live}"]`);
  if (fresh === null || isInUse(region)) return;
  const focusedId = document.activeElement?.id;
  localise(fresh);
  region.replaceWith(fresh);
  document.title = page.title;
  if (focusedId) document.getElementById(focusedId)?.focus();
}

async function refresh(region) {
  const response = await fetch(region.dataset.live);
  if (response.status === 401) location.reload();
  if (!response.ok) throw new Error(`${response.status}`);
  const { version, items } = await response.json();
  if (version === region.dataset.version) writeFigures(region, items);
  else if (!isInUse(region)) await replace(region);
}

/** Instants in the reader's own time. */
function localise(root) {
  for (const time of root.querySelectorAll('time')) {
    time.textContent = new Date(time.dateTime).toLocaleString(undefined, {
      dateStyle: 'medium',
      timeStyle: 'short',
    });
  }
}

async function refreshAll() {
  if (!document.hidden) {
    const regions = [...document.querySelectorAll('[data-live]')];
    const outcomes = await Promise.allSettled(regions.map(refresh));
    const isStale = outcomes.some(({ status }) => status === 'rejected');
    document.getElementById('stale').hidden = !isStale;
  }
  setTimeout(refreshAll, REFRESH_MS);
}

if (typeof document !== 'undefined') {
  localise(document);
  // What came of a form is said once, not again on every reload.
  if (location.search !== '') history.replaceState(null, '', location.pathname);
  setTimeout(refreshAll, REFRESH_MS);
}
