import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readPageFile } from '../../src/review/page-files.js';
import { writeSheet } from '../../src/review/write-sheet.js';
import { ResultsFolder } from '../results/results-folder.js';
import { manifestLine } from '../shared/manifest-lines.js';
import { readSheet } from '../support/read-sheet.js';

function sheetOf(folder: ResultsFolder, name = 'contact-sheet.html'): Promise<string> {
  return readFile(join(folder.path, name), 'utf8');
}

test('nothing in a brief ends its block of data or begins another element, and it is read back as it was', async () => {
  const folder = await ResultsFolder.make();
  const hostile = `</script><script>alert(1)</script><!--<script>${'\u2028'}'"&`;
  await folder.change('a', { prompt: hostile, input: { [hostile]: hostile } });
  await writeSheet(folder.path);
  const html = await sheetOf(folder);
  expect(html).not.toContain('<script>alert');
  const { head, briefs } = readSheet(html);
  expect(head).toMatchObject({ batch: 'spring', page: 1, pages: 1, total: 4, simulated: false });
  expect(briefs.map(({ id }) => id)).toEqual(['a', 'b', 'c', 'd']);
  expect(briefs[0]).toMatchObject({ prompt: hostile, columns: { [hostile]: hostile } });
});

test('only its own script and style are allowed, by their hashes, and no address of anybody', async () => {
  const folder = await ResultsFolder.make();
  await writeSheet(folder.path);
  const html = await sheetOf(folder);
  const policy = (
    /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(html)?.[1] ?? ''
  ).replaceAll('&#39;', "'");
  const hashOf = (text: string) => createHash('sha256').update(text).digest('base64');
  const [script, style] = [await readPageFile('page.js'), await readPageFile('page.css')];
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain(`script-src 'sha256-${hashOf(script)}'`);
  expect(policy).toContain(`style-src 'sha256-${hashOf(style)}'`);
  expect(policy).not.toMatch(/https?:|connect-src|unsafe/);
  expect(html).toContain(`<style>${style}</style>`);
  expect(html).toContain(`<script>${script}</script>`);
  expect(script).not.toMatch(/<\/script|<!--/i);
  // What is no picture has no small one, and the page does not ask for it.
  expect(readSheet(html).briefs[0]?.files).toMatchObject([{ hasThumbnail: false }]);
});

test('more than ten thousand briefs stand on further pages, and those of a larger sheet before it go', async () => {
  const folder = await ResultsFolder.make();
  const lines = Array.from({ length: 10_001 }, (_, at) =>
    manifestLine({ brief_id: `b${at}`, seq: at + 1, row: at + 2, assets: [] }),
  );
  await folder.writeLines(lines);
  await folder.write('contact-sheet-3.html', 'of before');
  const { pages, briefs } = await writeSheet(folder.path);
  expect([pages, briefs]).toEqual([2, 10_001]);
  const sheets = (await readdir(folder.path)).filter((name) => name.startsWith('contact-sheet'));
  expect(sheets.sort()).toEqual(['contact-sheet-2.html', 'contact-sheet.html']);
  const second = readSheet(await sheetOf(folder, 'contact-sheet-2.html'));
  expect(second.briefs.map(({ id }) => id)).toEqual(['b10000']);
  expect(second.head).toMatchObject({
    ...{ page: 2, pages: 2, total: 10_001 },
    pageNames: ['contact-sheet.html', 'contact-sheet-2.html'],
  });
  expect(readSheet(await sheetOf(folder)).briefs).toHaveLength(10_000);
});
