import type { BatchMeta } from '../../ledger/batch-meta.js';
import { type Html, html } from '../../shared/html.js';
import type { Asset, ManifestLine } from '../../shared/manifest-line.js';
import type { Story } from '../reading/read-story.js';
import { briefLink, pill, reviewLink } from './layout.js';

/** Where results are that are not on this machine, for the end of a sentence. */
export function elsewhereWords({ out }: Pick<BatchMeta, 'out'>): string {
  if (out === '') return 'on the machine of its worker: the batch names no folder';
  return isInBucket({ out }) ? `in ${out}` : `on another machine, in ${out}`;
}

export function isInBucket({ out }: Pick<BatchMeta, 'out'>): boolean {
  return out.includes('://');
}

/** The results and failures of a batch that came last, the newest first. */
export function latestPart(batch: string, lines: readonly ManifestLine[]): Html | null {
  if (lines.length === 0) return null;
  const tiles = lines.map(
    (line) =>
      html`<li><a href="${briefLink(batch, line.brief_id)}">${pictureOf(batch, line)}<span class="name">${line.brief_id}</span></a></li>`,
  );
  return html`<h2>Latest</h2>
<ul class="latest">${tiles}</ul>`;
}

/** Of a brief, the small picture of its first file, or what stands in for it. */
export function pictureOf(batch: string, line: ManifestLine): Html {
  const { assets, aside = [], error, status, text } = line;
  if (status !== 'succeeded') {
    const [first] = [...assets, ...aside].filter(isPicture);
    const picture = first === undefined ? null : thumbnail(batch, first);
    return html`<span class="tile bad">${picture}<strong>${status}</strong>${error?.code ?? null}</span>`;
  }
  if (typeof text === 'string') return html`<span class="tile text">${beginOf(text)}</span>`;
  const shown = assets.find(isPicture) ?? assets[0];
  if (shown === undefined) return html`<span class="tile">no file</span>`;
  return html`<span class="tile">${isPicture(shown) ? thumbnail(batch, shown) : kindWord(shown)}</span>`;
}

/** It is told by the text beside it. */
function thumbnail(batch: string, { sha256 }: Asset): Html {
  return html`<img src="${reviewLink(batch)}thumbnails/${sha256}.webp" alt="" loading="lazy">`;
}

function isPicture({ media_type: type }: Asset): boolean {
  return type.startsWith('image/');
}

const kinds: Readonly<Record<string, string>> = { video: 'Film', audio: 'Sound', text: 'Text' };

function kindWord({ media_type: type }: Asset): Html {
  const [kind = ''] = type.split('/');
  return html`<span class="kind ${kind}">${Object.hasOwn(kinds, kind) ? (kinds[kind] ?? null) : 'File'}</span>`;
}

const longestBegin = 140;

function beginOf(text: string): string {
  const characters = Array.from(text);
  return characters.length <= longestBegin
    ? text
    : `${characters.slice(0, longestBegin).join('')}…`;
}

/** What a brief has made, to look at: pictures lead to the whole, films and sounds play. */
export function mediaPart({ meta, files }: Story): Html | null {
  const shown = files.flatMap(({ asset, found }) => (found === 'there' ? asset : []));
  if (shown.length === 0) return null;
  return html`<div class="media">${shown.map((asset) => mediaOf(meta.name, asset))}</div>`;
}

function mediaOf(batch: string, asset: Asset): Html {
  const { path, media_type: type } = asset;
  const href = `${reviewLink(batch)}${path.split('/').map(encodeURIComponent).join('/')}`;
  const [kind] = type.split('/');
  if (kind === 'video') {
    return html`<video controls preload="none" src="${href}" aria-label="${path}"></video>`;
  }
  if (kind === 'audio') {
    return html`<audio controls preload="none" src="${href}" aria-label="${path}"></audio>`;
  }
  return html`<a href="${href}">${isPicture(asset) ? thumbnail(batch, asset) : kindWord(asset)}<span class="name">${path}</span></a>`;
}

/** What else was made of a brief's row: its steps and other outputs, with where each stands. */
export function rowPart({ id, meta, row }: Story): Html | null {
  if (row.length === 0) return null;
  const briefs = row.map(({ id: other, output, variant, status }) => {
    const name =
      other === id
        ? html`<strong>${output}</strong>`
        : html`<a href="${briefLink(meta.name, other)}">${output}</a>`;
    return html`<li${other === id ? html` aria-current="page"` : null}>${name}<span class="quiet">${variant}</span> ${pill(status)}</li>`;
  });
  return html`<nav class="row" aria-label="Made of the same row"><ol>${briefs}</ol></nav>`;
}
