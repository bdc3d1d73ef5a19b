/** A person at the PIN page. */
import { setTimeout as delay } from 'node:timers/promises';

const PATIENCE_MS = 60_000;
const LOOK_AGAIN_MS = 50;

/** Types `pin` into the first form of the page, once there is one, for `person`. @returns the page's answer. */
export async function typePin(url: string, pin: string, person = ''): Promise<string> {
  const page = await waitFor(url, /action="\/pin"/);
  const response = await fetch(new URL('/pin', url), {
    method: 'POST',
    headers: { origin: new URL(url).origin },
    body: new URLSearchParams({
      token: valueOf(page, 'token'),
      id: valueOf(page, 'id'),
      pin,
      name: 'test',
      person,
    }),
  });
  return response.text();
}

/** The PINs that the page asks a person to type at hosts, by host name, once there are any. */
export async function readAwaitedPins(url: string): Promise<Record<string, string>> {
  const page = await waitFor(url, /class="pin"/);
  const rows = page.matchAll(/class="pin">(\d{4})<\/strong> at the machine <strong>([^<]+)</g);
  return Object.fromEntries([...rows].map(([, pin = '', name = '']) => [name, pin]));
}

async function waitFor(url: string, wanted: RegExp): Promise<string> {
  const until = Date.now() + PATIENCE_MS;
  while (Date.now() < until) {
    const page = await (await fetch(url)).text();
    if (wanted.test(page)) return page;
    await delay(LOOK_AGAIN_MS);
  }
  throw new Error(`the page never showed ${wanted.source}`);
}

function valueOf(page: string, field: string): string {
  const [, value] = new RegExp(`name="${field}" value="([^"]+)"`).exec(page) ?? [];
  if (value === undefined) throw new Error(`the page has no field ${field}`);
  return value;
}
