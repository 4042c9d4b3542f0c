import { basename, join } from 'node:path';
import { type Html, html } from '../shared/html.js';
import type { Asset, ManifestLine } from '../shared/manifest-line.js';
import { formatCredits } from '../shared/quantities.js';
import { isSimulated } from '../shared/simulated.js';
import { writeFileDurably } from '../shared/write-file-durably.js';
import { fileNames } from './file-names.js';
import { readJournalHeader } from './journal.js';
import { ManifestFile } from './manifest.js';

/** A browser shows so many pictures on one page without trouble, and nobody looks at more. */
const mostBriefs = 500;
const longestText = 2_000;

const style = `
:root { color-scheme: light dark; font: 15px/1.45 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 1500px; padding: 1.5rem; }
h1 { font-size: 1.3rem; margin: 0; }
header p { margin: .3rem 0 1.5rem; opacity: .75; }
main { display: grid; gap: 1.2rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 260px), 1fr)); }
figure { margin: 0; border: 1px solid #8885; border-radius: 8px; overflow: hidden; }
img, video { display: block; width: 100%; aspect-ratio: 1; object-fit: contain; background: #8882; }
audio { display: block; width: calc(100% - 1rem); margin: .5rem; }
blockquote { margin: 0; padding: .8rem; white-space: pre-wrap; overflow-wrap: anywhere; max-height: 16em; overflow: auto; background: #8882; }
figcaption { padding: .6rem .8rem .8rem; overflow-wrap: anywhere; }
figcaption p { margin: 0; white-space: pre-wrap; max-height: 12em; overflow: auto; }
.facts { font-size: .85rem; opacity: .75; margin-bottom: .4rem; }
.trouble { padding: .8rem; color: #c02626; font-weight: 600; }
@media (prefers-color-scheme: dark) { .trouble { color: #ff8a80; } }
`;

/** Nothing but this file's own style and the files beside it is loaded, and nothing is run. */
const policy =
  "default-src 'none'; img-src 'self' file:; media-src 'self' file:; style-src 'unsafe-inline'";

/**
 * Writes `contact-sheet.html` beside the manifest of a folder: what became of its briefs, in input order, to be looked at
 * without a server. Of a large batch, some of it, spread over the whole. Returns its path.
 */
export async function writeContactSheet(out: string): Promise<string> {
  const manifest = await ManifestFile.read(out);
  const path = join(out, fileNames.contactSheet);
  const header = await readJournalHeader(out);
  const simulated = header !== null && isSimulated(header);
  const title = `${basename(out)}${simulated ? ' (SIMULATED)' : ''}`;
  await writeFileDurably(path, sheetText(manifest, title));
  return path;
}

async function* sheetText(manifest: ManifestFile, title: string): AsyncGenerator<string> {
  const shown = Math.min(manifest.size, mostBriefs);
  const count = shown < manifest.size ? `${shown} of ${manifest.size} briefs` : `${shown} briefs`;
  yield html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<title>${title}: contact sheet</title>
`.text;
  yield `<style>${style}</style>\n</head>\n<body>\n`;
  yield html`<header><h1>${title}</h1><p>${count}, in the order of the input</p></header>\n<main>\n`
    .text;
  for await (const line of spreadLines(manifest, shown)) yield `${figure(line).text}\n`;
  yield '</main>\n</body>\n</html>\n';
}

/** So many of its lines, spread over the whole. */
function spreadLines(manifest: ManifestFile, shown: number): AsyncGenerator<ManifestLine> {
  let given = 0;
  return manifest.lines((position) => {
    const isNext = position === Math.floor((given * manifest.size) / shown);
    if (isNext) given += 1;
    return isNext;
  });
}

function figure(line: ManifestLine): Html {
  const { brief_id: id, model, prompt, credits } = line;
  const charged = credits.final ?? credits.reserved;
  const facts = [id, model, ...(charged === null ? [] : [formatCredits(charged)])].join(' · ');
  return html`<figure>${media(line)}<figcaption><p class="facts">${facts}</p><p>${cut(prompt ?? '')}</p></figcaption></figure>`;
}

function media({ status, error, assets, text, brief_id: id }: ManifestLine): Html | Html[] {
  if (text) return html`<blockquote>${cut(text)}</blockquote>`;
  if (assets.length > 0) return assets.map((asset) => player(asset, id));
  const why = error === null ? '' : `: ${error.message} (${error.code})`;
  return html`<div class="trouble">${status}${why}</div>`;
}

function player({ path, media_type: type }: Asset, id: string): Html {
  const place = path.split('/').map(encodeURIComponent).join('/');
  if (type.startsWith('video/')) {
    return html`<video src="${place}" controls preload="metadata"></video>`;
  }
  if (type.startsWith('audio/'))
    return html`<audio src="${place}" controls preload="none"></audio>`;
  if (type.startsWith('image/')) {
    return html`<a href="${place}"><img src="${place}" alt="${id}" loading="lazy"></a>`;
  }
  return html`<p><a href="${place}">${path}</a></p>`;
}

function cut(text: string): string {
  return text.length > longestText ? `${text.slice(0, longestText)}...` : text;
}
