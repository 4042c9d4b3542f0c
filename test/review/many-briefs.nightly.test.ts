import { expect } from 'vitest';
import { test } from '../support/browser.js';
import { firstPicture, newReviewFolder, pageFile } from '../support/review-pages.js';

/** The grid is scrolled in itself, at the most elements that there are on the way. */
const scrollThrough = `(async () => {
  const scroller = document.querySelector('.grid');
  let most = 0;
  for (let at = 0; at <= scroller.scrollHeight; at += Math.ceil(scroller.scrollHeight / 60)) {
    scroller.scrollTop = at;
    await new Promise(requestAnimationFrame);
    await new Promise(requestAnimationFrame);
    most = Math.max(most, document.querySelectorAll('*').length);
  }
  scroller.scrollTop = scroller.scrollHeight;
  await new Promise(requestAnimationFrame);
  return { most, height: scroller.scrollHeight };
})()`;

test('10,000 briefs are scrolled through from disk with no more elements than a screen needs', async ({
  openPage,
}) => {
  const folder = await newReviewFolder({ briefs: 10_000 });
  const address = await pageFile(folder);
  const { page, requests } = await openPage({ within: new URL('.', address).href });
  await page.goto(address);
  await firstPicture(page);
  // Not all of them: those that can be seen, and a few more.
  expect(requests.length).toBeLessThan(200);
  const { most, height } = await page.evaluate<{ most: number; height: number }>(scrollThrough);
  expect(height).toBeGreaterThan(100_000);
  expect(most).toBeLessThan(3_000);
  const last = folder.lines.at(-1)?.brief_id;
  await page.getByRole('button', { name: `Open ${last}` }).waitFor();
  await page.getByRole('searchbox').fill('lamp 9876');
  await page.getByText('1 of 10,000 briefs').waitFor();
});
