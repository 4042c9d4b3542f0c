import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { verifyFolder } from '../../src/results/verify/verify-folder.js';
import { hostileTexts, makeReviewFolder } from '../support/review-folder.js';

test('a folder that is made for pages to show is one that verify takes, hostile texts and all (S4, S5)', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'review-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const { lines } = await makeReviewFolder(folder, { briefs: 60, hostile: true, decided: 20 });
  expect(await verifyFolder(folder)).toMatchObject({
    ok: true,
    checked: { lines: 60, assets: 54 },
    problems: [],
  });
  const text = JSON.stringify(lines);
  for (const hostile of hostileTexts) expect(text).toContain(JSON.stringify(hostile).slice(1, -1));
});
