import { batchState, withoutSuccess } from '../../shared/batch-state.js';
import { type Html, html, type Part } from '../../shared/html.js';
import type { BatchMeta } from '../../shared/ledger/batch-meta.js';

/** Words for states, each with a colour of its own in the style sheet, or with that of another one. */
export function pill(word: string, as = word): Html {
  return html`<span class="pill ${as.replace(/\W+/g, '-')}">${word}</span>`;
}

export function progressOf(meta: BatchMeta): Html {
  const done = meta.admitted - meta.pending;
  const more = meta.admission === 'open' && !meta.cancelled ? '+' : '';
  const tone = endedBadly(meta) ? html` class="with-failures"` : null;
  return html`<progress${tone} max="${Math.max(1, meta.admitted)}" value="${done}" aria-label="briefs done"></progress> <span class="count">${done} of ${meta.admitted}${more}</span>`;
}

export function stateOf(meta: BatchMeta): Html {
  const state = batchState(meta);
  return pill(state, endedBadly(meta) ? 'with failures' : state);
}

/** What is over is good only where all succeeded. */
function endedBadly(meta: BatchMeta): boolean {
  return batchState(meta) === 'finished' && withoutSuccess(meta) > 0;
}

/** Names and values; a row without a value is left out. */
export function facts(rows: readonly (readonly [string, Part])[]): Html {
  const shown = rows.filter(([, value]) => value !== null && value !== '');
  return html`<dl class="facts">${shown.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

/** A table that becomes a list of cards where the screen is narrow. */
export function table(heads: readonly string[], rows: readonly (readonly Part[])[]): Html {
  const cells = (row: readonly Part[]) =>
    row.map((cell, index) => html`<td data-head="${heads[index] ?? ''}">${cell}</td>`);
  return html`<table><thead><tr>${heads.map((head) => html`<th scope="col">${head}</th>`)}</tr></thead><tbody>${rows.map((row) => html`<tr>${cells(row)}</tr>`)}</tbody></table>`;
}
