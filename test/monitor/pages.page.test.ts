import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { lineStatusSchema } from '../../src/shared/manifest-line.js';
import { screens, violations } from '../support/accessible.js';
import { test } from '../support/browser.js';
import type { OpenLedger } from '../support/ledger.js';
import { openLedger } from '../support/ledger.js';
import { makeReviewFolder, type ReviewFolder } from '../support/review-folder.js';
import { openMonitor } from './open-monitor.js';

let place: string;
let folder: ReviewFolder;

beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), 'monitor-'));
  folder = await makeReviewFolder(join(place, 'catalog'), { briefs: 40, hostile: true });
});
afterAll(() => rm(place, { recursive: true, force: true }));

/** A batch that is over, with its results here; one that goes on, and has them in a bucket. */
async function openWorld(): Promise<{ origin: string; opened: OpenLedger }> {
  const opened = await openLedger({ batch: 'catalog' });
  const { redis, ledger, account, prefix } = opened;
  const count = (wanted: string) => folder.lines.filter(({ status }) => status === wanted).length;
  await redis.hset(ledger.keys.meta, {
    out: folder.path,
    admission: 'complete',
    admitted: folder.lines.length,
    shelved: 1,
    spent: 84,
    outputs: JSON.stringify(['caption', 'still', 'film'].map((name) => [name, 4])),
    ...Object.fromEntries(
      lineStatusSchema.options.map((status) => [`lines:${status}`, count(status)]),
    ),
  });
  const spring = await openLedger({ batch: 'spring', prefix });
  await spring.admit('one', 'two', 'three');
  await redis.hset(spring.ledger.keys.meta, {
    out: 's3://shop/spring',
    'lines:succeeded': 1,
    'lines:failed': 1,
  });
  await redis.hset(account.keys.prices, { 'z-image': 150 });
  await account.records.noteLabel('Studio');
  await account.records.noteWallet(120);
  // As processes have told it in the last 40 minutes.
  const minute = Math.floor(Date.now() / 60_000);
  for (let ago = 0; ago < 40; ago += 1) {
    const bucket = minute - ago;
    const told = [
      bucket,
      (ago * 7) % 13,
      ago % 9 === 0 ? 2 : 0,
      (ago * 7) % 13,
      ago % 11 === 0 ? 3 : 0,
      5,
      4_000 + ago * 90,
    ];
    for (const { history } of [account.keys, spring.ledger.keys]) {
      await redis.hset(history, `60 ${bucket % 60}`, told.join(' '));
    }
  }
  const { origin } = await openMonitor({ login: null }, opened);
  return { origin, opened };
}

const shownPictures = `[...document.querySelectorAll('main img')].map(
  ({ complete, naturalWidth }) => (complete && naturalWidth > 0 ? 'shown' : 'missing'))`;

/** How many pictures a page shows, once all of them have come. */
async function pictures(page: Page): Promise<number> {
  const look = async () => (await page.evaluate(shownPictures)) as string[];
  await expect.poll(look).not.toContain('missing');
  return (await look()).length;
}

/** Each theme, and each kind of screen, once: there is one style sheet. */
describe.for([
  ['light', 'desktop'],
  ['dark', 'phone'],
] as const)('in the %s theme on a %s', ([colorScheme, device]) => {
  test('the monitor shows what was made, and is without violations of axe', async ({
    openPage,
  }) => {
    const screen = screens[device];
    const { origin } = await openWorld();
    const { page } = await openPage({ within: origin, colorScheme, ...screen });
    const faults: string[] = [];
    const look = async (name: string) => {
      const wide = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
      if (Number(wide) > 0) faults.push(`${name} is ${wide} px wider than the screen`);
      for (const fault of await violations(page)) faults.push(`${name}: ${fault}`);
    };
    await page.goto(origin);
    await page.getByText('Briefs of account Studio wait, and no worker is alive.').waitFor();
    await page.getByText('finished with failures').waitFor();
    await page
      .getByRole('img', { name: /^briefs of the last hour: 2\d\d, 10 without success; / })
      .waitFor();
    await page.getByText('As a table').click();
    await look('overview');
    await page.getByRole('link', { name: 'last week' }).click();
    await page.getByRole('img', { name: 'credits of the last week: 0; nothing' }).waitFor();
    await page.getByRole('link', { name: 'last hour' }).click();

    await page.getByRole('link', { name: 'catalog', exact: true }).click();
    await page.getByRole('heading', { name: 'Latest' }).waitFor();
    expect(await pictures(page)).toBeGreaterThan(8);
    await look('batch');

    await page.getByRole('link', { name: 'Film SKU-00003d/film' }).click();
    await page.locator('video').waitFor();
    await look('brief');
    // Its row is found though the ledger has let go of it.
    await page
      .getByRole('navigation', { name: 'Made of the same row' })
      .getByRole('link', { name: 'still' })
      .click();
    await page.locator('.media img').waitFor();
    expect(await pictures(page)).toBe(1);

    await page.goto(`${origin}/batch?name=spring`);
    await page.getByText('Results are in s3://shop/spring').waitFor();
    await page.getByText('rivya-batch status spring --failed').waitFor();
    await page.getByRole('link', { name: 'last hour' }).click();
    await page.getByRole('img', { name: /^briefs of the last hour: 2\d\d, 10 / }).waitFor();
    await page.getByText('As a table').click();
    await look('elsewhere');
    expect(faults).toEqual([]);
  });
});
