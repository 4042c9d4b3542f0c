import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { expect, it, onTestFinished } from 'vitest';
import { makeReviewFolder } from '../support/review-folder.js';
import { servedBy, startCommand } from '../support/served-review.js';

it('whoever decides by keys without a pause keeps every decision, and the page never stands still', async () => {
  const home = await mkdtemp(join(tmpdir(), 'fast-keys-'));
  onTestFinished(() => rm(home, { recursive: true, force: true }));
  const out = join(home, 'catalog');
  await makeReviewFolder(out, { briefs: 60 });
  const review = await servedBy(startCommand(['review', out, '--port', '0'], home));
  onTestFinished(async () => void (await review.close()));
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox'],
  });
  onTestFinished(() => browser.close());
  const page = await browser.newPage({ viewport: { width: 1280, height: 760 } });
  await page.goto(review.address);
  await page.locator('.card-open').first().waitFor();
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('ArrowLeft');
  // Each on the next one that nobody has decided on.
  const verdicts = 'arraaraarraarar';
  for (const key of verdicts) {
    await page.keyboard.press('n');
    await page.keyboard.press(key);
  }
  const decided = async () => {
    const text = await readFile(join(out, 'decisions.jsonl'), 'utf8').catch(() => '');
    const lines = text.split('\n').filter((line) => line !== '');
    return new Set(lines.map((line) => (JSON.parse(line) as { brief_id: string }).brief_id)).size;
  };
  await expect.poll(decided).toBe(verdicts.length);
});
