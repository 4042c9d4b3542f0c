import type { Page } from 'playwright-core';
import { describe, expect } from 'vitest';
import { test } from '../support/browser.js';
import { hostileTexts } from '../support/review-folder.js';
import { firstPicture, newReviewFolder, pageFile, serveFolder } from '../support/review-pages.js';

/** Elements and attributes that only a text that was read as markup makes. */
const injected = `[...document.querySelectorAll('*')].filter((element) =>
  [...element.attributes].some(({ name, value }) => /^on/.test(name) || /^\\s*javascript:/i.test(value)) ||
  (element.localName === 'svg' && element.hasAttribute('onload')) ||
  (element.localName === 'script' && !element.src && element.type !== 'application/json' && element.dataset.known === undefined && /owned/.test(element.textContent)) ||
  element.localName === 'b'
).map((element) => element.outerHTML.slice(0, 200))`;

/** Through everything that shows what users and the API have written. */
async function lookThrough(page: Page, briefs: number): Promise<void> {
  await firstPicture(page);
  const title = await page.title();
  const texts: string[] = [];
  const look = async () => {
    expect(await page.evaluate(injected)).toEqual([]);
    expect(await page.title()).toBe(title);
    texts.push(await page.evaluate<string>('document.body.innerText'));
  };
  await look();
  await page.getByRole('listitem').first().getByRole('button', { name: /^Open/ }).click();
  const dialog = page.getByRole('dialog');
  for (let brief = 1; brief < briefs; brief += 1) {
    await look();
    await page.keyboard.press('c');
    await dialog.getByRole('button', { name: 'Next brief' }).click();
  }
  await dialog.getByRole('button', { name: 'Close' }).click();
  const views = page.getByRole('navigation', { name: 'Views' });
  for (const view of ['Failures', 'Totals']) {
    await views.getByRole('button', { name: view }).click();
    await look();
  }
  await page.getByRole('button', { name: 'Hand over' }).click();
  await look();
  const shown = texts.join('\n');
  for (const text of hostileTexts) expect(shown).toContain(text);
}

describe('whatever stands in ids, prompts, columns and errors is text, and no request leaves the page', () => {
  const briefs = 24;

  test('from disk', async ({ openPage }) => {
    const address = await pageFile(await newReviewFolder({ briefs, hostile: true, decided: 12 }));
    const { page } = await openPage({ within: new URL('.', address).href });
    await page.goto(address);
    await lookThrough(page, briefs);
  });

  test('served', async ({ openPage }) => {
    const folder = await newReviewFolder({ briefs, hostile: true, decided: 12 });
    const { address, origin } = await serveFolder(folder);
    const { page } = await openPage({ within: origin });
    await page.goto(address);
    await lookThrough(page, briefs);
  });
});
