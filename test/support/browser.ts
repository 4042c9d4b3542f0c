import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { test as base, expect } from 'vitest';

/** What a page may do, and what nobody of ours does: `faults` is empty at the end of each test. */
export interface WatchedPage {
  page: Page;
  /** Everything that it asked for, in order. */
  requests: string[];
  faults: string[];
}

export interface PageOptions extends BrowserContextOptions {
  /** Where all that it asks for begins; `data:` and `blob:` ask nobody. */
  within: string;
}

/** Runs in the page, before anything of it. */
const watchPolicy = `addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => {
  tellViolation(violatedDirective + ' ' + blockedURI);
});`;

async function openWatched(
  browser: Browser,
  { within, ...options }: PageOptions,
): Promise<WatchedPage> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const requests: string[] = [];
  const faults: string[] = [];
  await page.exposeFunction('tellViolation', (violation: string) => {
    faults.push(`against the policy: ${violation}`);
  });
  await page.addInitScript({ content: watchPolicy });
  page.on('request', (request) => {
    const url = request.url();
    requests.push(url);
    if (!/^(data|blob):/.test(url) && !url.startsWith(within)) faults.push(`asked for ${url}`);
  });
  page.on('response', (response) => {
    if (response.status() >= 400) faults.push(`${response.status()} for ${response.url()}`);
  });
  page.on('dialog', async (dialog) => {
    // A page may ask whether what was not saved is to be left.
    if (dialog.type() === 'beforeunload') return dialog.accept();
    faults.push(`dialog: ${dialog.message()}`);
    await dialog.dismiss();
  });
  page.on('popup', (popup) => faults.push(`opened ${popup.url()}`));
  page.on('pageerror', (error) => faults.push(`error: ${error.message}`));
  page.on('console', (message) => {
    // A browser asks every server for an icon, which ours has none of.
    if (message.location().url.endsWith('/favicon.ico')) return;
    if (message.type() === 'error') faults.push(`console: ${message.text()}`);
  });
  return { page, requests, faults };
}

/** A test with a real browser. */
export const test = base.extend<{
  browser: Browser;
  openPage: (options: PageOptions) => Promise<WatchedPage>;
}>({
  browser: [
    // biome-ignore lint/correctness/noEmptyPattern: vitest finds a fixture's needs in its pattern
    async ({}, use) => {
      const browser = await chromium.launch({
        executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
        args: ['--no-sandbox'],
      });
      await use(browser);
      await browser.close();
    },
    { scope: 'file' },
  ],
  openPage: async ({ browser }, use) => {
    const opened: WatchedPage[] = [];
    await use(async (options) => {
      const watched = await openWatched(browser, options);
      opened.push(watched);
      return watched;
    });
    for (const { page } of opened) await page.context().close();
    expect(opened.flatMap(({ faults }) => faults)).toEqual([]);
  },
});
