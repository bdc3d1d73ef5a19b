/**
 * How the console looks and whom it works for: every page, narrow and wide, light and dark, without and with scripts'
 * help. The pictures that are taken on the way are in `.cache/console/`.
 */
import { mkdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Bench } from '../proxy/web/test-bench.ts';
import { openBrowser, whyNoBrowser, type Browser } from './support/browser.ts';
import { askToPair, openBusyConsole } from './support/busy-console.ts';

const ARTEFACTS = join(import.meta.dirname, '../.cache/console');
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const PAGES = ['overview', 'pairing', 'clients', 'hosts', 'sessions', 'history'] as const;
const WIDTHS = [320, 1280];
const SCHEMES = ['light', 'dark'] as const;
const looks = WIDTHS.flatMap((width) => SCHEMES.map((scheme) => ({ width, scheme })));
const title = 'the console’s looks';

interface Violation {
  id: string;
  nodes: { html: string; failureSummary?: string }[];
}

/** What axe-core finds, every rule on. */
async function violationsOn(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  const found = await page.evaluate<Violation[]>('axe.run(document).then(({ violations }) => violations)');
  return found.flatMap(({ id, nodes }) =>
    nodes.map((node) => `${id}: ${node.html} ${node.failureSummary ?? ''}`),
  );
}

describe.skipIf(whyNoBrowser !== undefined)(
  whyNoBrowser === undefined ? title : `${title} (skipped: ${whyNoBrowser})`,
  () => {
    let bench: Bench;
    let origin: string;
    let browser: Browser;
    let page: Page;
    let complaints: string[];

    beforeAll(async () => {
      await mkdir(ARTEFACTS, { recursive: true });
      ({ bench, origin } = await openBusyConsole());
      browser = await openBrowser({ permissions: ['clipboard-read', 'clipboard-write'] });
      page = await browser.context.newPage();
      complaints = [];
      page.on('pageerror', ({ message }) => complaints.push(message));
      page.on('console', (message) => {
        if (message.type() === 'error' && !message.location().url.endsWith('/favicon.ico'))
          complaints.push(message.text());
      });
    });
    afterAll(async () => {
      await browser.close();
      await bench.web.stop();
    });

    const show = async (name: (typeof PAGES)[number]): Promise<void> => {
      await page.goto(`${origin}/${name === 'overview' ? '' : name}`, { waitUntil: 'networkidle' });
    };

    async function checkLook(name: string): Promise<void> {
      expect(await violationsOn(page)).toEqual([]);
      const overflow = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
      expect(overflow, `${name} is too wide`).toBeLessThanOrEqual(0);
      await page.screenshot({ path: join(ARTEFACTS, `${name}.png`), fullPage: true });
    }

    describe.each(looks)('$width px, $scheme', ({ width, scheme }) => {
      beforeAll(async () => {
        await page.setViewportSize({ width, height: 900 });
        await page.emulateMedia({ colorScheme: scheme });
      });

      it.each(PAGES)('%s has nothing that axe finds, nothing that sticks out', async (name) => {
        await show(name);
        await checkLook(`${name}-${width}-${scheme}`);
      });

      it('nor have the forms for a PIN, nor a console without anything', async () => {
        askToPair(bench);
        await show('overview');
        await page.getByLabel('PIN that the client at 192.168.1.42 shows').waitFor();
        await checkLook(`pin-${width}-${scheme}`);
        bench.pending.length = 0;
        await show('pairing');
        await page.getByText('None. Add this host in Moonlight').waitFor();
        await checkLook(`empty-pairing-${width}-${scheme}`);
      });

      it('nor has what unfolds', async () => {
        await show('clients');
        await page.getByText('Remove').first().click();
        await checkLook(`unfolded-${width}-${scheme}`);
      });
    });

    it.each(PAGES)('%s is all within reach of the Tab key, each place of it to be seen', async (name) => {
      await show(name);
      const wanted = await page
        .locator('a[href]:visible, button:visible, summary:visible, input:visible')
        .count();
      const reached = new Set<string>();
      for (let presses = 0; presses < wanted + 1; presses += 1) {
        await page.keyboard.press('Tab');
        const place = await page.evaluate<string | undefined>(`(() => {
          const { activeElement: place, body } = document;
          const { outlineStyle, outlineWidth } = getComputedStyle(place);
          const isSeen = outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2;
          // After the last place the browser's own come.
          if (place !== body) return [...document.querySelectorAll('*')].indexOf(place) + (isSeen ? '' : ' unseen');
        })()`);
        if (place !== undefined) reached.add(place);
      }
      expect([...reached].filter((place) => place.endsWith('unseen'))).toEqual([]);
      expect(reached.size).toBe(wanted);
    });

    it('copies the address, and says so to those who hear the page', async () => {
      await show('overview');
      await page.getByRole('button', { name: 'Copy the address' }).press('Enter');
      await page.getByText('Copied').waitFor();
      expect(await page.getByText('Copied').getAttribute('role')).toBe('status');
      expect(await page.evaluate('navigator.clipboard.readText()')).toBe('192.168.1.7');
    });

    it('draws the pictures anew as samples come', async () => {
      await show('sessions');
      const area = () => page.locator('#picture-s-1-bitrateBps .area').getAttribute('d');
      const before = await area();
      bench.web.streams.sample();
      bench.web.streams.sample();
      await expect.poll(area, { timeout: 30_000 }).not.toBe(before);
    });

    it('filters the history by person', async () => {
      await show('history');
      await page.getByLabel('Person').fill('bob');
      await page.getByLabel('Person').press('Enter');
      await page.getByText('Steam Deck').first().waitFor();
      expect(await page.getByText('Living room TV').count()).toBe(0);
      expect(new URL(page.url()).search).toBe('?person=bob');
      await page.getByLabel('Person').fill('nobody');
      await page.getByRole('button', { name: 'Show' }).press('Enter');
      await page.getByText('Nothing is known of nobody.').waitFor();
    });

    it('let the browser complain of nothing on the way', () => {
      expect(complaints).toEqual([]);
    });
  },
);
