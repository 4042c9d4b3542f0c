import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { screens, violations } from '../support/accessible.js';
import { test } from '../support/browser.js';
import { makeReviewFolder } from '../support/review-folder.js';
import { firstPicture, pageFile } from '../support/review-pages.js';

/** A brief that has an earlier attempt and a decision. */
async function openMadeAnew(page: Page): Promise<void> {
  await page.getByRole('button', { name: /^Open SKU-00000b / }).click();
  await page.getByRole('dialog').waitFor();
}

let place: string;
let address: string;

beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), 'review-'));
  const options = { briefs: 40, decided: 12, hostile: true };
  address = await pageFile(await makeReviewFolder(join(place, 'catalog'), options));
});
afterAll(() => rm(place, { recursive: true, force: true }));

describe.for([
  ['light', 'desktop'],
  ['dark', 'phone'],
] as const)('in the %s theme on a %s', ([colorScheme, device]) => {
  test('every view of the page is without violations of axe', async ({ openPage }) => {
    const within = new URL('.', address).href;
    const { page } = await openPage({ within, colorScheme, ...screens[device] });
    const faults: Record<string, string[]> = {};
    await page.goto(address);
    await firstPicture(page);
    faults.grid = await violations(page);
    for (const view of ['Failures', 'Totals']) {
      await page
        .getByRole('navigation', { name: 'Views' })
        .getByRole('button', { name: view })
        .click();
      faults[view] = await violations(page);
    }
    await page
      .getByRole('navigation', { name: 'Views' })
      .getByRole('button', { name: 'Results' })
      .click();
    await openMadeAnew(page);
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('button', { name: 'Before' }).click();
    await dialog.getByRole('button', { name: /^Again/ }).click();
    faults.detail = await violations(page);
    await dialog.getByRole('button', { name: 'Close' }).click();
    await page.getByRole('button', { name: 'Hand over' }).click();
    faults['hand over'] = await violations(page);
    const all = Object.entries(faults).flatMap(([view, found]) =>
      found.map((fault) => `${view}: ${fault}`),
    );
    expect(all).toEqual([]);
  });
});

/** Elements of the page that take time to change, at the most. */
const slowest = `Math.max(...[...document.querySelectorAll('*')].flatMap((element) => {
  const { transitionDuration, animationDuration } = getComputedStyle(element);
  return (transitionDuration + ', ' + animationDuration).split(', ').map(parseFloat);
}))`;

test('nothing moves by itself for those who want that', async ({ openPage }) => {
  const within = new URL('.', address).href;
  const durations: unknown[] = [];
  for (const reducedMotion of ['no-preference', 'reduce'] as const) {
    const { page } = await openPage({ within, reducedMotion });
    await page.goto(address);
    await firstPicture(page);
    await openMadeAnew(page);
    durations.push(await page.evaluate(slowest));
  }
  const [usual, reduced] = durations;
  expect(usual).toBeGreaterThan(0.05);
  expect(reduced).toBeLessThan(0.01);
});
