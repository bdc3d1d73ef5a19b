/**
 * Live refresh of the console. Every page works without it: it asks the JSON API for the lists of this page, writes
 * the figures that changed into their cells, and fetches the page anew when a list has another version. It also copies
 * what has a button for that.
 */

const REFRESH_MS = 2_000;
/** Refreshes between two looks at the pictures, which get a new sample every 5 s. */
const PICTURES_EVERY = 3;

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

async function fetchPage() {
  const response = await fetch(location.pathname);
  return new DOMParser().parseFromString(await response.text(), 'text/html');
}

async function replace(region) {
  const page = await fetchPage();
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

async function renewPictures() {
  const pictures = [...document.querySelectorAll('[data-picture]')];
  if (pictures.length === 0) return;
  const page = await fetchPage();
  for (const picture of pictures) {
    const fresh = page.getElementById(picture.id);
    if (fresh !== null) picture.replaceWith(fresh);
  }
}

/** By the clipboard where the browser lets a page have it (https, or this machine), else by selecting it. */
async function copy({ dataset }) {
  const source = document.getElementById(dataset.copy);
  let isCopied = true;
  try {
    await navigator.clipboard.writeText(source.textContent);
  } catch {
    getSelection().selectAllChildren(source);
    isCopied = document.execCommand('copy');
  }
  document.getElementById('copied').textContent = isCopied ? 'Copied' : 'Press Ctrl+C';
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

async function refreshAll(round) {
  if (!document.hidden) {
    const regions = [...document.querySelectorAll('[data-live]')];
    const pictures = round % PICTURES_EVERY === 0 ? [renewPictures()] : [];
    const outcomes = await Promise.allSettled([...regions.map(refresh), ...pictures]);
    const isStale = outcomes.some(({ status }) => status === 'rejected');
    document.getElementById('stale').hidden = !isStale;
  }
  setTimeout(refreshAll, REFRESH_MS, round + 1);
}

if (typeof document !== 'undefined') {
  localise(document);
  // What came of a form is said once, not again on every reload.
  if (new URLSearchParams(location.search).has('message')) {
    history.replaceState(null, '', location.pathname);
  }
  for (const button of document.querySelectorAll('[data-copy]')) {
    button.hidden = false;
    button.addEventListener('click', () => copy(button));
  }
  setTimeout(refreshAll, REFRESH_MS, 1);
}
