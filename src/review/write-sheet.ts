import { createHash } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  hasThumbnail,
  makeMissingThumbnails,
  type ThumbnailCounts,
} from '../pictures/thumbnails.js';
import { fileNames } from '../results/file-names.js';
import { readHistory, readManifest } from '../results/manifest.js';
import { localAsset } from '../results/mirror.js';
import { readTotals, type Totals } from '../results/totals.js';
import { html } from '../shared/html.js';
import type { Asset } from '../shared/manifest-line.js';
import { inChunks } from '../shared/read-lines.js';
import { writeFileDurably } from '../shared/write-file-durably.js';
import type { EmbeddedHead } from './page/embedded-head.js';
import { readPageFile } from './page-files.js';
import { ReviewFolder } from './read-review-briefs.js';
import { briefsPerPage, type ReviewBrief, type ReviewFile } from './review-brief.js';

export interface WrittenSheet {
  /** Of the first page. */
  path: string;
  pages: number;
  briefs: number;
}

/** Briefs in one block of data: parsed at once. */
const briefsPerBlock = 500;

/**
 * Writes the review page as a file beside the manifest, `contact-sheet.html`, of a large batch with further pages. It
 * works from disk and asks nobody for anything; what it shows stands in it, but for the files of the folder.
 * @param onThumbnails is told while pictures are made small that are not yet
 */
export async function writeSheet(
  out: string,
  { onThumbnails }: { onThumbnails?: (so: ThumbnailCounts) => void } = {},
): Promise<WrittenSheet> {
  const files = onThumbnails === undefined ? {} : { onProgress: onThumbnails };
  const locate = (path: string) => localAsset(out, path);
  await makeMissingThumbnails(out, assetsOf(out), { locate, ...files });
  const folder = await ReviewFolder.read(out);
  const pages = Math.max(1, Math.ceil(folder.size / briefsPerPage));
  const pageNames = Array.from({ length: pages }, (_, index) => sheetName(index + 1));
  const script = await readPageFile('page.js');
  const style = await readPageFile('page.css');
  const totals = await readTotals(out);
  for (const [index, name] of pageNames.entries()) {
    const head: EmbeddedHead = {
      batch: folder.batch ?? folder.name,
      folder: folder.name,
      simulated: folder.simulated,
      total: folder.size,
      matching: folder.size,
      page: index + 1,
      pages,
      pageNames,
      columns: [...folder.columns],
      unreadable: folder.unreadable,
    };
    await writeFileDurably(join(out, name), pageText(folder, head, totals, { script, style }));
  }
  await removeOthers(out, new Set(pageNames));
  return { path: join(out, sheetName(1)), pages, briefs: folder.size };
}

function sheetName(page: number): string {
  return page === 1 ? fileNames.contactSheet : fileNames.contactSheet.replace('.', `-${page}.`);
}

/** Pages of an earlier sheet, of a batch that had more. */
async function removeOthers(out: string, names: ReadonlySet<string>): Promise<void> {
  for (const name of await readdir(out)) {
    if (/^contact-sheet-\d+\.html$/.test(name) && !names.has(name)) await rm(join(out, name));
  }
}

async function* assetsOf(out: string): AsyncGenerator<Asset> {
  for await (const found of readManifest(out)) if (found.kind === 'line') yield* found.line.assets;
  for await (const { assets } of readHistory(out)) yield* assets;
}

async function* pageText(
  folder: ReviewFolder,
  head: EmbeddedHead,
  totals: Totals,
  { script, style }: { script: string; style: string },
): AsyncGenerator<string> {
  const policy = [
    "default-src 'none'",
    `script-src ${hashOf(script)}`,
    `style-src ${hashOf(style)}`,
    "img-src 'self' file:",
    "media-src 'self' file:",
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  const title = `${head.batch}${head.simulated ? ' (SIMULATED)' : ''}: contact sheet`;
  yield html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${title}</title>
`.text;
  yield `<style>${style}</style>\n</head>\n<body>\n<div id="page"></div>\n`;
  yield '<noscript>This page needs JavaScript: it runs what stands in this file, and loads nothing else.</noscript>\n';
  yield `<script type="application/json" id="review-head">${dataText(head)}</script>\n`;
  yield `<script type="application/json" id="review-totals">${dataText(totals)}</script>\n`;
  const first = (head.page - 1) * briefsPerPage;
  const isWanted = (at: number) => at >= first && at < first + briefsPerPage;
  for await (const briefs of inChunks(folder.briefs(isWanted), briefsPerBlock)) {
    for (const brief of briefs) await noteThumbnails(folder.out, brief);
    yield `<script type="application/json" class="review-briefs">${dataText(briefs)}</script>\n`;
  }
  yield `<script>${script}</script>\n</body>\n</html>\n`;
}

/** Where a small picture could not be made, the page does not ask for it. */
async function noteThumbnails(out: string, brief: ReviewBrief): Promise<void> {
  const note = async (file: ReviewFile) => {
    file.hasThumbnail &&= await hasThumbnail(out, file.sha256);
  };
  const files = [brief.files, ...brief.earlier.map((attempt) => attempt.files)].flat();
  await Promise.all(files.map(note));
  for (const reference of brief.references) {
    const { thumbnail } = reference;
    if (thumbnail !== null && !(await hasThumbnail(out, thumbnail))) reference.thumbnail = null;
  }
}

/** JSON as the text of an element: nothing in it ends the element, or begins a comment. */
function dataText(value: unknown): string {
  return JSON.stringify(value).replaceAll('<', '\\u003c');
}

function hashOf(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}
