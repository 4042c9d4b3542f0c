import { neededText } from '../../forecast/credits.js';
import { formatTimeLeft } from '../../forecast/outlook.js';
import {
  type BatchMeta,
  batchState,
  leftOf,
  wholeOf,
  withoutSuccess,
} from '../../ledger/batch-meta.js';
import { type Html, html, type Part } from '../../shared/html.js';
import { creditsNumber } from '../../shared/quantities.js';
import type { WatchedBatch } from '../reading/overview.js';

export interface Page {
  title: string;
  /** Looks again by itself every few seconds. */
  live: 'live' | 'still';
  /** When what it shows was read, in ms since the epoch. */
  atMs: number;
  /** What stands in the search field, and the batch that it searches; '' for all. */
  search: { text: string; batch: string };
  main: Part;
}

export function layout({ title, live, atMs, search, main }: Page): string {
  const scope = search.batch
    ? html`<input type="hidden" name="batch" value="${search.batch}">`
    : null;
  const page: Html = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title} · rivya-batch</title>
<link rel="icon" href="/assets/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/assets/style.css">
<script src="/assets/live.js" defer></script>
</head>
<body>
<header>
<nav><a class="home" href="/">rivya-batch</a><a href="/">Batches</a><a href="${schedulesPath}">Schedules</a><a href="${boardPath}/">Queues</a><a href="/metrics">Metrics</a></nav>
<form action="/find" role="search">${scope}<input type="search" name="text" value="${search.text}" maxlength="500" placeholder="${search.batch ? `Find in ${search.batch}` : 'Find a brief: id, prompt, task'}" aria-label="Find a brief by id or text"><button>Find</button></form>
</header>
<p id="silence" role="status" hidden></p>
<main data-live="${live}">
${main}
<footer>As of <time>${timeText(atMs)}</time>${live === 'live' ? html`, looking again every 3&nbsp;s` : null}.</footer>
</main>
</body>
</html>
`;
  return page.text;
}

/** `2026-11-21 16:20:03 UTC` */
export function timeText(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** Words for states, each with a colour of its own in the style sheet, or with that of another one. */
export function pill(word: string, as = word): Html {
  return html`<span class="pill ${as.replace(/\W+/g, '-')}">${word}</span>`;
}

export function progressOf(meta: BatchMeta): Html {
  const done = meta.admitted - meta.pending;
  const whole = wholeOf(meta);
  const tone = endedBadly(meta) ? html` class="with-failures"` : null;
  return html`<progress${tone} max="${Math.max(1, whole)}" value="${done}" aria-label="briefs done"></progress> <span class="count">${done} of ${whole}</span>`;
}

export function stateOf(meta: BatchMeta): Html {
  return endedBadly(meta)
    ? pill('finished with failures', 'with failures')
    : pill(batchState(meta));
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

/** Names hold any character, slashes included: they travel in the query, never in the path. */
export function batchLink(batch: string, more: Readonly<Record<string, string>> = {}): string {
  return `/batch?${new URLSearchParams({ name: batch, ...more })}`;
}

/** Its page asks for what belongs to it by relative addresses: the batch stands in the path. */
export function reviewLink(batch: string): string {
  return `${reviewPath}/${encodeURIComponent(batch)}/`;
}

export function briefLink(batch: string, id: string): string {
  return `/brief?${new URLSearchParams({ batch, id })}`;
}

export function findLink(text: string, batch: string): string {
  return `/find?${new URLSearchParams({ text, batch })}`;
}

export function queueLink(queue: string): string {
  return `${boardPath}/queue/${encodeURIComponent(queue)}`;
}

/** The place of a schedule on its page; two accounts may each have one of that name. */
export function scheduleMark(account: string, schedule: string): string {
  return `${account}/${schedule}`;
}

export function scheduleLink(account: string, schedule: string): string {
  return `${schedulesPath}#${encodeURIComponent(scheduleMark(account, schedule))}`;
}

/** Where something is asked before it is done. */
export const actPath = '/act';

/** The question that comes before a deed: what it costs, and whether it is wanted. */
export function actLink(wish: Readonly<Record<string, string>>): string {
  return `${actPath}?${new URLSearchParams(wish)}`;
}

export const schedulesPath = '/schedules';

/** Where results are looked at and decided on. */
export const reviewPath = '/review';

/** Where Bull Board is. */
export const boardPath = '/queues';

/** A page that cannot be shown, and why; it looks again by itself where that may help. */
export function troublePage(
  { title, text, live }: { title: string; text: string; live: 'live' | 'still' },
  atMs: number,
): string {
  const main = html`<h1>${title}</h1><p>${text}</p>`;
  return layout({ title, live, atMs, search: { text: '', batch: '' }, main });
}

/** `36 + 5 reserved of 100` */
export function creditsWords({ meta }: WatchedBatch): string {
  const reserved = meta.reserved > 0 ? ` + ${creditsNumber(meta.reserved)} reserved` : '';
  const cap = meta.maxCredits === null ? '' : ` of ${creditsNumber(meta.maxCredits)}`;
  return `${creditsNumber(meta.spent)}${reserved}${cap}`;
}

export function timeLeftWords({ meta, look }: WatchedBatch): string {
  if (leftOf(meta) === 0) return '';
  return look.left.kind === 'unknown' ? 'not known yet' : formatTimeLeft(look.left);
}

/** Finished briefs, lately. */
export function paceOfBatchWords({ meta, look }: WatchedBatch): string {
  if (leftOf(meta) === 0) return '';
  const { linesPerSecond } = look;
  if (linesPerSecond === null) return 'too few to say';
  if (linesPerSecond === 0) return '0 briefs/min';
  return linesPerSecond >= 1
    ? `${linesPerSecond.toFixed(1)} briefs/s`
    : `${(linesPerSecond * 60).toFixed(1)} briefs/min`;
}

/** What is still to be paid for, against the balance; a balance that is too small, a person should see. */
export function neededHtml(needed: number, wallet: number | null): Html {
  const isShort = wallet !== null && wallet < needed;
  return html`<span class="${isShort ? 'trouble' : 'normal'}">${neededText(needed, wallet)}</span>`;
}
