import type { BatchMeta } from '../../ledger/batch-meta.js';
import { type Html, html, type Part } from '../../shared/html.js';
import { lineStatusSchema } from '../../shared/manifest-line.js';
import type { Findings, FoundBrief } from '../reading/find-briefs.js';
import { batchLink, briefLink, layout, pill, table, timeText } from './layout.js';
import { pictureOf } from './results-part.js';

/** What was asked for, as the form has it; '' for any. */
export interface FindQuery {
  text: string;
  status: string;
  batch: string;
}

/** So many batches can be chosen from; others are named in the address. */
const mostChoices = 200;

/**
 * @param known all batches, those first that are likely to be meant
 * @param findings null where nothing was asked for
 */
export function findPage(
  query: FindQuery,
  known: readonly BatchMeta[],
  findings: Findings | null,
  atMs: number,
): string {
  const main = html`<h1>Find briefs</h1>
${filtersPart(query, known)}
${findings === null ? html`<p>By words that stand in it (id, prompt, a column, task, error), by how it ended, or by its batch.</p>` : findingsPart(findings)}`;
  const search = { text: '', batch: '' };
  return layout({ title: query.text || 'Find', live: 'still', atMs, search, main });
}

/** As they are asked for, and as they are called. */
const statuses: readonly (readonly [string, string])[] = [
  ['', 'any'],
  ...lineStatusSchema.options.map((status) => [status, status] as const),
  ['open', 'without a result yet'],
];

export const findableStatuses = ['', ...lineStatusSchema.options, 'open'] as const;

function filtersPart({ text, status, batch }: FindQuery, known: readonly BatchMeta[]): Html {
  const names = known.slice(0, mostChoices).map(({ name }) => name);
  const batches = batch === '' || names.includes(batch) ? names : [batch, ...names];
  return html`<form class="filters" action="/find">
<label class="wide">Words <input type="search" name="text" value="${text}" maxlength="500"></label>
<label>Ended <select name="status">${statuses.map(([value, label]) => choice(value, label, status))}</select></label>
<label>Batch <select name="batch">${choice('', 'all', batch)}${batches.map((name) => choice(name, name, batch))}</select></label>
<button class="act">Find</button></form>`;
}

function choice(value: string, label: string, chosen: string): Html {
  return html`<option value="${value}"${value === chosen ? html` selected` : null}>${label}</option>`;
}

function findingsPart({ briefs, stopped, elsewhere }: Findings): Html {
  const rows = briefs.map(briefRow);
  return html`${rows.length === 0 ? html`<p>None was found in the ledger, nor in the manifests that are on this machine.</p>` : html`<div class="found">${table(['result', 'brief', 'ended', 'batch', 'when'], rows)}</div>`}
${stopped === 'enough' ? html`<p class="quiet">There are more than these: say more words, or choose how they ended, or a batch.</p>` : null}
${stopped === 'too_long' ? html`<p class="trouble">The search was stopped after some seconds: choose a batch.</p>` : null}
${elsewhere.length > 0 ? html`<p class="quiet">${elsewhereText(elsewhere)}</p>` : null}`;
}

const mostNamed = 5;

function elsewhereText(batches: readonly string[]): string {
  const more = batches.length - mostNamed;
  const names = batches.slice(0, mostNamed).join(', ');
  return `What succeeded in batches whose results are not on this machine is found by its id alone: ${names}${more > 0 ? `, and ${more} more` : ''}.`;
}

function briefRow({ batch, id, status, prompt, atMs, line }: FoundBrief): Part[] {
  return [
    line === null ? null : pictureOf(batch, line),
    html`<a href="${briefLink(batch, id)}"><span class="name">${id}</span></a>${prompt === null ? null : html`<p class="prompt">${prompt}</p>`}`,
    pill(status),
    html`<a href="${batchLink(batch)}">${batch}</a>`,
    atMs === null ? null : html`<time>${timeText(atMs)}</time>`,
  ];
}
