import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Page } from 'playwright-core';
import { expect, onTestFinished } from 'vitest';
import type { Decision } from '../../src/results/decisions.js';
import { fileNames } from '../../src/results/file-names.js';
import { makeReviewFolder, type ReviewFolder, type ReviewFolderOptions } from './review-folder.js';
import { type ServedReview, servedBy, startCommand } from './served-review.js';

/** A results folder of this test alone. */
export async function newReviewFolder(options: ReviewFolderOptions): Promise<ReviewFolder> {
  const place = await mkdtemp(join(tmpdir(), 'review-'));
  onTestFinished(() => rm(place, { recursive: true, force: true }));
  return makeReviewFolder(join(place, 'catalog'), options);
}

/** Makes the page as a file. Returns its address. */
export async function pageFile({ path }: ReviewFolder): Promise<string> {
  const { code, stdout, stderr } = await startCommand(['sheet', path], path).finished;
  if (code !== 0) throw new Error(stdout + stderr);
  return pathToFileURL(join(path, fileNames.contactSheet)).href;
}

/** Serves a folder until the test ends. */
export async function serveFolder({ path }: ReviewFolder): Promise<ServedReview> {
  const served = await servedBy(startCommand(['review', path, '--port', '0'], path));
  onTestFinished(async () => {
    await served.close();
  });
  return served;
}

export async function keptDecisions({ path }: ReviewFolder): Promise<Decision[]> {
  const text = await readFile(join(path, fileNames.decisions), 'utf8').catch(() => '');
  return readDecisionLines(text);
}

export function readDecisionLines(text: string): Decision[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Decision);
}

const isPictureThere =
  "[...document.querySelectorAll('.card img')].some(({ naturalWidth }) => naturalWidth > 0)";

/** Resolves when a picture of the grid is decoded. */
export async function firstPicture(page: Page): Promise<void> {
  // Asked for from outside: the page's policy lets nobody evaluate anything within it.
  await expect.poll(() => page.evaluate<boolean>(isPictureThere)).toBe(true);
}
