import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { describe, expect } from 'vitest';
import type { Decision } from '../../src/results/decisions.js';
import { test } from '../support/browser.js';
import type { ReviewFolder } from '../support/review-folder.js';
import {
  firstPicture,
  keptDecisions,
  newReviewFolder,
  pageFile,
  readDecisionLines,
  serveFolder,
} from '../support/review-pages.js';
import { startCommand } from '../support/served-review.js';

/** What is said of one brief, without the time. */
type Said = Omit<Decision, 'at'>;

function said(
  { lines }: ReviewFolder,
  position: number,
  decision: Decision['decision'],
  { note = null, prompt = null }: { note?: string | null; prompt?: string | null } = {},
): Said {
  const { brief_id = '', attempt = 1, assets = [] } = lines[position] ?? {};
  return { brief_id, attempt, sha256: assets[0]?.sha256 ?? '', decision, note, prompt };
}

function withoutTime({ at: _at, ...others }: Decision): Said {
  return others;
}

/** The last word on each brief. */
function lastWords(decisions: readonly Decision[]): Said[] {
  return [...new Map(decisions.map((one) => [one.brief_id, withoutTime(one)])).values()];
}

const byId = (one: Said, other: Said) => one.brief_id.localeCompare(other.brief_id);

/** Says a lot, and takes some of it back, without a mouse. Returns what is to be kept in the end. */
async function decideByKeys(page: Page, folder: ReviewFolder): Promise<Said[]> {
  const press = async (...keys: string[]) => {
    for (const key of keys) await page.keyboard.press(key);
  };
  await press('a', 'r', 'ArrowRight');
  // The third is passed over, and the fourth opened.
  await press('Enter');
  await page.getByRole('dialog').waitFor();
  await press('g', 'm');
  await page.keyboard.type('too dark, says Ana');
  await press('Control+Enter', 'e');
  await press('Control+a');
  await page.keyboard.type('The lamp by daylight');
  await press('Control+Enter', 'ArrowRight');
  // The fifth is approved and then not.
  await press('a', 'u', 'Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  const again = { note: 'too dark, says Ana', prompt: 'The lamp by daylight' };
  return [
    said(folder, 0, 'approved'),
    said(folder, 1, 'rejected'),
    said(folder, 3, 'again', again),
    said(folder, 4, 'undecided'),
  ];
}

describe('decisions', () => {
  test('made by keys alone are in the folder as they were said, while one decides', async ({
    openPage,
  }) => {
    const folder = await newReviewFolder({ briefs: 20 });
    const { address, origin } = await serveFolder(folder);
    const { page } = await openPage({ within: origin });
    await page.goto(address);
    await firstPicture(page);
    const expected = await decideByKeys(page, folder);
    await expect
      .poll(async () => lastWords(await keptDecisions(folder)).sort(byId))
      .toEqual(expected.sort(byId));
    // The page shows them to whoever opens it next.
    await page.reload();
    await page.getByRole('button', { name: /^Open SKU-00000a:.*, approved$/ }).waitFor();
    await page.getByRole('button', { name: /^Open SKU-00000b:.*, rejected$/ }).waitFor();
  });

  test('made on the page from disk survive a reload, are saved as a file, and the folder takes that', async ({
    openPage,
  }) => {
    const folder = await newReviewFolder({ briefs: 20 });
    const address = await pageFile(folder);
    const { page, requests } = await openPage({ within: new URL('.', address).href });
    await page.goto(address);
    await firstPicture(page);
    const expected = await decideByKeys(page, folder);
    await page.reload();
    await firstPicture(page);
    await page.getByRole('button', { name: 'Hand over' }).focus();
    await page.keyboard.press('Enter');
    const saving = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Save decisions.jsonl' }).focus();
    await page.keyboard.press('Enter');
    const download = await saving;
    expect(download.suggestedFilename()).toBe('decisions.jsonl');
    const text = await readFile(await download.path(), 'utf8');
    const decisions = readDecisionLines(text);
    for (const { at } of decisions) expect(new Date(at).toISOString()).toBe(at);
    expect(decisions.map(withoutTime).sort(byId)).toEqual(expected.sort(byId));
    expect(requests.every((url) => url.startsWith('file:') || url.startsWith('blob:'))).toBe(true);

    const saved = join(folder.path, '..', 'saved.jsonl');
    await writeFile(saved, text);
    const take = ['review', folder.path, '--take', saved, '--json'];
    const taken = await startCommand(take, folder.path).finished;
    expect(JSON.parse(taken.stdout)).toMatchObject({
      taken: { approved: 1, rejected: 1, again: 1, undecided: 1 },
      left_out: {},
    });
    expect((await keptDecisions(folder)).map(withoutTime).sort(byId)).toEqual(expected);
  });

  test('are made by touch on a phone', async ({ openPage }) => {
    const folder = await newReviewFolder({ briefs: 20 });
    const { address, origin } = await serveFolder(folder);
    const viewport = { width: 390, height: 844 };
    const { page } = await openPage({ within: origin, viewport, hasTouch: true, isMobile: true });
    await page.goto(address);
    await firstPicture(page);
    const wider = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
    expect(wider).toBe(0);
    const [first] = folder.lines;
    await page.getByRole('button', { name: `Open ${first?.brief_id}` }).tap();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('button', { name: /^Approve/ }).tap();
    // It goes on to the second.
    await dialog.getByRole('button', { name: /^Reject/ }).tap();
    await dialog.getByRole('button', { name: 'Close' }).tap();
    const expected = [said(folder, 0, 'approved'), said(folder, 1, 'rejected')];
    await expect.poll(async () => (await keptDecisions(folder)).map(withoutTime)).toEqual(expected);
  });

  test('are made for all that are selected, and taken back at once', async ({ openPage }) => {
    const folder = await newReviewFolder({ briefs: 20 });
    const { address, origin } = await serveFolder(folder);
    const { page } = await openPage({ within: origin });
    await page.goto(address);
    await firstPicture(page);
    await page.keyboard.press('x');
    const shown = page.getByRole('listitem');
    await shown
      .nth(3)
      .getByRole('button', { name: /^Open/ })
      .click({ modifiers: ['Shift'] });
    await page.getByText('4 selected').waitFor();
    await page.getByRole('textbox', { name: 'Note for all of them' }).fill('crop tighter');
    await page
      .getByRole('region', { name: 'Selected briefs' })
      .getByRole('button', { name: 'Again' })
      .click();
    const note = 'crop tighter';
    const again = [0, 1, 2, 3].map((position) => said(folder, position, 'again', { note }));
    await expect.poll(async () => (await keptDecisions(folder)).map(withoutTime)).toEqual(again);
    await page.getByText('4 again').waitFor();
    await page.keyboard.press('u');
    const back = [0, 1, 2, 3].map((position) => said(folder, position, 'undecided'));
    await expect
      .poll(async () => lastWords(await keptDecisions(folder)).sort(byId))
      .toEqual(back.sort(byId));
  });

  test('of two reviewers are seen by both as they are made, and the last one counts', async ({
    openPage,
  }) => {
    const folder = await newReviewFolder({ briefs: 20 });
    const { address, origin } = await serveFolder(folder);
    const { page: ana } = await openPage({ within: origin });
    const { page: ben } = await openPage({ within: origin });
    for (const page of [ana, ben]) {
      await page.goto(address);
      await firstPicture(page);
    }
    await ana.keyboard.press('a');
    const first = new RegExp(`^Open ${folder.lines[0]?.brief_id}.*, approved$`);
    await ben.getByRole('button', { name: first }).waitFor();
    await ben.keyboard.press('r');
    const last = new RegExp(`^Open ${folder.lines[0]?.brief_id}.*, rejected$`);
    await ana.getByRole('button', { name: last }).waitFor();
    await ana.getByText(/somebody else said/).waitFor();
    expect((await keptDecisions(folder)).map(withoutTime)).toEqual([
      said(folder, 0, 'approved'),
      said(folder, 0, 'rejected'),
    ]);
  });

  test('of somebody else take nothing away that is being typed', async ({ openPage }) => {
    const folder = await newReviewFolder({ briefs: 20 });
    const { address, origin, decide } = await serveFolder(folder);
    const { page } = await openPage({ within: origin });
    await page.goto(address);
    await firstPicture(page);
    for (const key of ['ArrowRight', 'ArrowLeft', 'Enter', 'g']) await page.keyboard.press(key);
    const words = page.getByRole('textbox', { name: /^Prompt of the next attempt/ });
    await words.fill('By daylight');
    const theirs = said(folder, 0, 'again', { note: 'too dark, says Ben' });
    expect(await decide([theirs])).toMatchObject({ status: 200 });
    const note = page.getByRole('textbox', { name: /^Note/ });
    await expect.poll(() => note.inputValue()).toBe('too dark, says Ben');
    expect(await words.inputValue()).toBe('By daylight');
    await page.keyboard.press('Control+Enter');
    const both = said(folder, 0, 'again', { note: 'too dark, says Ben', prompt: 'By daylight' });
    await expect.poll(async () => lastWords(await keptDecisions(folder))).toEqual([both]);
  });
});
