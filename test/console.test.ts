/** The console as a person uses it: a real browser before a real appliance. */
import type { Page } from 'playwright-core';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { formatPasswordLine } from '../proxy/web/passwords.ts';
import { openBench, pairingOf, type Bench } from '../proxy/web/test-bench.ts';
import type { SimClient } from '../sim/client/client.ts';
import { openBrowser, whyNoBrowser, type Browser } from './support/browser.ts';
import { openLab, type Lab } from './support/lab.ts';

const PATIENCE = { timeout: 30_000 };
const title = (what: string): string =>
  whyNoBrowser === undefined ? what : `${what} (skipped: ${whyNoBrowser})`;

let browser: Browser;
let page: Page;
/** What the pages complained of: scripts that failed, and what the policy kept out. */
let complaints: string[];

async function newPage(): Promise<void> {
  browser = await openBrowser();
  page = await browser.context.newPage();
  page.setDefaultTimeout(PATIENCE.timeout);
  complaints = [];
  page.on('pageerror', ({ message }) => complaints.push(message));
  page.on('console', (message) => {
    if (message.type() === 'error' && !message.location().url.endsWith('/favicon.ico'))
      complaints.push(message.text());
  });
}

/** The card of what is called `name`. */
const card = (name: string) => page.getByRole('listitem').filter({ hasText: name });
const status = () => page.locator('[role=status].notice:not(#stale)').textContent();

describe.skipIf(whyNoBrowser !== undefined)(title('the console in a browser'), () => {
  let lab: Lab;
  let client: SimClient;
  let origin: string;

  beforeAll(async () => {
    lab = await openLab();
    origin = `http://127.0.0.1:${lab.ports.web}`;
    client = await lab.createClient();
    await newPage();
  });
  afterAll(async () => {
    await client.cancel().catch(() => undefined);
    await browser.close();
    await lab.close();
  });

  it('pairs a client whose PIN is typed, without a reload by hand', async () => {
    await page.goto(origin);
    await page.getByText('In Moonlight, add the host').waitFor();
    const paired = client.pair('1234');
    await page.getByLabel('PIN that the client at 127.0.0.1 shows').fill('1234');
    await page.getByLabel('Name of the client').fill('Sofa <b>');
    await page.getByLabel('Person').fill('Alice');
    await page.getByRole('button', { name: 'Pair this client' }).click();
    await paired;
    expect(await status()).toBe('Paired. The client may play now.');
    expect(new URL(page.url()).search).toBe('');
  });

  it('shows the hosts', async () => {
    await page.getByRole('link', { name: 'Hosts' }).click();
    await card('host-0').getByText('Up').waitFor();
    await card('host-0').getByText('Test card').waitFor();
  });

  it('renames a client', async () => {
    await page.getByRole('link', { name: 'Clients' }).click();
    await card('Sofa <b>').getByText('alice').waitFor();
    await page.getByText('Rename').click();
    await page.getByLabel('New name').fill('Kitchen');
    await page.getByRole('button', { name: 'Save' }).click();
    expect(await status()).toBe('The client was renamed.');
    await card('Kitchen').waitFor();
  });

  it('shows a session as it lives, and ends it', async () => {
    await page.getByRole('link', { name: 'Sessions' }).click();
    await page.getByText('Nobody plays.').waitFor();
    const [app] = await client.applist();
    await client.launch(app?.id ?? 0);
    const streamed = client.stream({ seconds: 60 });
    await card('Test card').getByText('Streaming').waitFor();
    await card('Test card').getByText('Kitchen of alice').waitFor();
    const bitrate = () => page.locator('[data-figure=bitrateBps]').textContent();
    await expect.poll(bitrate, PATIENCE).toMatch(/^[1-9][0-9]*\.[0-9] Mbit\/s$/);
    const figures = () => page.locator('[data-figure]').allTextContents();
    const first = await figures();
    await expect.poll(figures, PATIENCE).not.toEqual(first);

    await page.getByText('End').first().click();
    await page.getByRole('button', { name: 'End this session' }).click();
    expect(await status()).toBe('The session is being ended.');
    await page.getByText('Nobody plays.').waitFor();
    expect(await streamed).toMatchObject({ framesLost: 0 });
    await expect.poll(() => lab.hosts[0]?.sessions(), PATIENCE).toEqual([]);
  });

  it('removes a client, which is refused from then on', async () => {
    await page.getByRole('link', { name: 'Clients' }).click();
    await page.getByText('Remove', { exact: false }).first().click();
    await page.getByRole('button', { name: 'Remove this client' }).click();
    expect(await status()).toMatch(/^The client was removed/);
    await page.getByText('None yet').waitFor();
    await expect(client.applist()).rejects.toThrow();
  });

  it('let the browser complain of nothing on the way', () => {
    expect(complaints).toEqual([]);
  });

  it('has the figures of the process for a collector on this machine', async () => {
    const response = await fetch(`${origin}/metrics`);
    const metrics = await response.text();
    expect(metrics).toContain('gleipnir_relay_datagrams_total');
  });
});

describe.skipIf(whyNoBrowser !== undefined)(title('the console behind a login, in a browser'), () => {
  let directory: string;
  let bench: Bench;
  let origin: string;
  let evil: Server;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'gleipnir-console-'));
    const line = await formatPasswordLine('alice', 'correct horse');
    await writeFile(join(directory, 'passwords'), line ?? '');
  });
  afterAll(() => rm(directory, { recursive: true }));

  beforeEach(async () => {
    bench = openBench({ passwordFile: join(directory, 'passwords') });
    bench.pairings.set('p-1', pairingOf('p-1'));
    origin = `http://127.0.0.1:${await bench.web.start()}`;
    evil = createServer((_request, response) => {
      const form = `<form method="post" action="${origin}/clients/revoke"><input name="id" value="p-1"></form>`;
      response
        .setHeader('content-type', 'text/html')
        .end(`${form}<script>document.forms[0].submit()</script>`);
    });
    await once(evil.listen(0, '127.0.0.1'), 'listening');
    await newPage();
  });
  afterEach(async () => {
    await browser.close();
    evil.close();
    await bench.web.stop();
  });

  async function logIn(password: string): Promise<void> {
    await page.goto(`${origin}/sessions`);
    await page.getByLabel('Name').fill('alice');
    await page.getByLabel('Password').fill(password);
    await page.getByRole('button', { name: 'Log in' }).click();
  }

  it('opens to the right password only, until the person logs out', async () => {
    await logIn('wrong horse');
    expect(await status()).toBe('The name or the password is wrong.');
    await logIn('correct horse');
    await page.getByRole('heading', { name: 'Overview', exact: true }).waitFor();
    const [cookie] = await browser.context.cookies();
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict' });
    expect(cookie?.value).toMatch(/^[\w-]{43}$/);
    await page.getByRole('button', { name: 'Log out' }).click();
    expect(await status()).toBe('You are logged out.');
    await page.goto(`${origin}/clients`);
    expect(new URL(page.url()).pathname).toBe('/login');
  });

  it.each([
    { name: 'of another site', host: 'localhost' },
    { name: 'of another server on this machine', host: '127.0.0.1' },
  ])('refuses what a page $name posts', async ({ host }) => {
    await logIn('correct horse');
    await page.getByRole('heading', { name: 'Overview', exact: true }).waitFor();
    const answered = page.waitForResponse((response) => response.request().method() === 'POST');
    await page.goto(`http://${host}:${(evil.address() as AddressInfo).port}/`);
    expect((await answered).status()).toBe(403);
    expect([...bench.pairings.keys()]).toEqual(['p-1']);
  });
});
