import { isOver, leftOf, withoutSuccess } from '../../ledger/batch-meta.js';
import type { HistorySeries } from '../../ledger/history.js';
import { type Html, html } from '../../shared/html.js';
import { outOfCredits } from '../../shared/out-of-credits.js';
import { counted, creditsNumber, formatCredits, formatDuration } from '../../shared/quantities.js';
import type { Alert, Overview, WatchedBatch } from '../reading/overview.js';
import { type AccountSight, accountName } from '../reading/read-account.js';
import { limitingWords, paceWords, placesWords } from './batch-page.js';
import { historyPart } from './history-part.js';
import {
  batchLink,
  creditsWords,
  facts,
  layout,
  neededHtml,
  paceOfBatchWords,
  progressOf,
  reviewLink,
  schedulesPath,
  stateOf,
  table,
  timeLeftWords,
  timeText,
} from './layout.js';
import { schedulesInShort } from './schedules-page.js';

/** What the first page shows beside what a look has found. */
interface OverviewExtras {
  /** Batches whose results are on this machine. */
  here: ReadonlySet<string>;
  /** What was done lately, by account. */
  series: ReadonlyMap<string, HistorySeries>;
}

export function overviewPage(overview: Overview, extras: OverviewExtras): string {
  const { atMs, batches, older, accounts, alerts } = overview;
  const open = batches.filter(({ meta }) => !isOver(meta));
  const main = html`<h1>Batches</h1>
${alertsPart(alerts, open.length)}
${batches.length === 0 ? html`<p>There are no batches yet. Start one: <code>rivya-batch run FILE --out FOLDER</code></p>` : batchTable(batches, extras.here)}
${older > 0 ? html`<p class="quiet">${older} older finished batches are not shown; <code>rivya-batch status</code> lists them.</p>` : null}
${schedulesInShort(overview)}
${accounts.map((account) => accountPart(account, open, { atMs, ...extras }))}`;
  const going = open.length > 0 ? `${open.length} open` : 'Batches';
  const title = alerts.length > 0 ? `${counted(alerts.length, 'alert')}, ${going}` : going;
  return layout({ title, live: 'live', atMs, search: { text: '', batch: '' }, main });
}

/** What wants a person comes first of all, and that nothing does is worth a line while something goes on. */
function alertsPart(alerts: readonly Alert[], open: number): Html | null {
  if (alerts.length === 0) {
    return open === 0 ? null : html`<p class="well">Nothing needs you: all is well.</p>`;
  }
  return html`<section class="alerts" aria-label="What needs you">${alerts.map(alertPart)}</section>`;
}

function alertPart({ severity, what, detail, toDo, sinceMs, about }: Alert): Html {
  return html`<div class="alert ${severity}"><p><span class="severity">${severity}</span> <strong>${what}</strong> ${detail} <span class="since">Since ${timeText(sinceMs)}.</span></p>
<p>${toDo}${about === null ? null : html` <a href="${about === 'schedules' ? schedulesPath : batchLink(about.batch)}">More of it</a>`}</p></div>`;
}

function batchTable(batches: WatchedBatch[], here: ReadonlySet<string>): Html {
  const several = new Set(batches.map(({ meta }) => meta.account)).size > 1;
  const heads = ['batch', 'state', 'progress', 'not good', 'pace', 'limited by', 'credits', 'left'];
  if (here.size === 0)
    return table(
      heads,
      batches.map((batch) => batchRow(batch, several)),
    );
  const rows = batches.map((batch) => [...batchRow(batch, several), resultsPart(batch, here)]);
  return table([...heads, 'results'], rows);
}

function resultsPart({ meta: { name } }: WatchedBatch, here: ReadonlySet<string>): Html | null {
  return here.has(name) ? html`<a href="${reviewLink(name)}">Look and decide</a>` : null;
}

/** @param several whether there are batches of other accounts beside it */
function batchRow(batch: WatchedBatch, several: boolean) {
  const { meta } = batch;
  const notGood = withoutSuccess(meta);
  const limiting = limitingWords(batch);
  return [
    html`<a href="${batchLink(meta.name)}">${meta.name}</a>${several || batch.account.label !== null ? html` <span class="whose">account ${accountName(batch.account)}</span>` : null}`,
    stateOf(meta),
    progressOf(meta),
    notGood === 0 ? null : html`<span class="bad">${notGood}</span>`,
    paceOfBatchWords(batch),
    limiting && html`<span class="${limiting.tone}">${limiting.text}</span>`,
    creditsWords(batch),
    timeLeftWords(batch),
  ];
}

function accountPart(
  account: AccountSight,
  open: WatchedBatch[],
  { atMs, series }: Omit<OverviewExtras, 'here'> & { atMs: number },
): Html {
  const { view, today, wallet } = account;
  const lately = series.get(account.account);
  const rows = [
    ['live workers', workersText(account, open)],
    ['submissions', gateText(account, atMs)],
    ['pace', paceWords(view)],
    ['running tasks', placesWords(view)],
    ['refusals (429)', account.refusals],
    [
      'credits today',
      `${creditsNumber(today.spent)} spent, ${creditsNumber(today.reserved)} reserved (UTC day)`,
    ],
    [
      'balance',
      wallet && `${formatCredits(wallet.credits)}, ${formatDuration(atMs - wallet.readAtMs)} ago`,
    ],
    ['still needed', neededPart(account, open)],
  ] as const;
  return html`<section class="account"><h2>${account.origin} <span class="quiet">account ${accountName(account)}</span></h2>${facts(rows)}
${lately ? historyPart({ id: account.account, series: lately, endedMs: null, addressOf: (span) => `/?${new URLSearchParams({ span })}` }) : null}</section>`;
}

/** By all of its batches together. */
function neededPart({ account, wallet }: AccountSight, open: WatchedBatch[]): Html | null {
  const needs = open.flatMap(({ meta, needs }) => (meta.account === account ? (needs ?? []) : []));
  const needed = needs.reduce((sum, each) => sum + each, 0);
  return needed === 0 ? null : neededHtml(needed, wallet?.credits ?? null);
}

function workersText({ account, view }: AccountSight, open: WatchedBatch[]): Html | string {
  const waits = open.some((batch) => batch.meta.account === account && leftOf(batch.meta) > 0);
  if (view.workers > 0 || !waits) return String(view.workers);
  return html`<span class="trouble">none, and briefs wait</span>`;
}

function gateText({ view, origin }: AccountSight, atMs: number): Html | string {
  switch (view.gate.kind) {
    case 'halted':
      return html`<span class="trouble">stopped: the API refuses the key (${view.gate.code})</span>`;
    case 'parked':
      return html`<span class="trouble">waiting since ${formatDuration(atMs - view.gate.sinceMs)}: the account is ${outOfCredits(origin)}; next look in ${formatDuration(view.gate.probeAtMs - atMs)}</span>`;
    case 'open':
      if (view.downUntilMs > atMs) {
        return html`<span class="trouble">the API does not answer; next try in ${formatDuration(view.downUntilMs - atMs)}</span>`;
      }
      return view.rest === null ? 'going' : restWords(view.rest);
    default:
      return view.gate satisfies never;
  }
}

function restWords({ ms, by }: NonNullable<AccountSight['view']['rest']>): string {
  const why = by === 'refusal' ? 'refused one (429)' : 'says in its headers that nothing is left';
  return `no request for ${formatDuration(ms)}: the API ${why}`;
}
