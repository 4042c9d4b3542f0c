import { zoneText } from '../../schedule/cron.js';
import {
  inputWords,
  keepWords,
  lastTrouble,
  nextRunWords,
  rulesWords,
  type ScheduleSight,
  webhookWords,
  whenWords,
} from '../../schedule/words.js';
import { type Html, html, type Part } from '../../shared/html.js';
import { sizeText } from '../../shared/picture-size.js';
import { counted, creditsNumber } from '../../shared/quantities.js';
import type { Overview, WatchedBatch } from '../reading/overview.js';
import { accountName } from '../reading/read-account.js';
import { type AccountSchedules, lateAfterMs } from '../reading/read-schedules.js';
import { resultPill, runTable } from './batch-page.js';
import { facts, layout, pill, scheduleLink, scheduleMark, schedulesPath, table } from './layout.js';
import { type Steering, scheduleSteering } from './steering-parts.js';

/** So many runs are seen at once; the others that are kept are folded away. */
const latestRuns = 7;

export function schedulesPage(overview: Overview, steering: Steering): string {
  const { schedules, atMs } = overview;
  const main = html`<h1>Schedules</h1>
${schedules.length === 0 ? html`<p>There are no schedules yet. Set one: <code>rivya-batch schedule add --help</code></p>` : null}
${schedules.map((own) => accountPart(own, overview, steering))}`;
  return layout({
    title: 'Schedules',
    live: 'live',
    atMs,
    search: { text: '', batch: '' },
    main,
  });
}

function accountPart(own: AccountSchedules, overview: Overview, steering: Steering): Html {
  const { account, schedules } = own;
  const shown = new Map(
    overview.batches
      .filter(({ meta }) => meta.account === account)
      .map((batch) => [batch.meta.name, batch]),
  );
  const trouble = standstill(own, overview);
  return html`${accountCrumb(own)}
${trouble && html`<p class="trouble">${trouble}</p>`}
${schedules.map((sight) => schedulePart(sight, account, { shown, atMs: overview.atMs, steering }))}`;
}

interface ScheduleSurroundings {
  /** Batches of the account that have a page, by name. */
  shown: ReadonlyMap<string, WatchedBatch>;
  atMs: number;
  steering: Steering;
}

function schedulePart(
  sight: ScheduleSight,
  account: string,
  { shown, atMs, steering }: ScheduleSurroundings,
): Html {
  const { schedule, history, deeds } = sight;
  const mark = scheduleMark(account, schedule.name);
  const latest = history.slice(0, latestRuns);
  const older = history.slice(latestRuns);
  const olderPart =
    older.length === 0
      ? null
      : html`<details id="${mark} older"><summary>${older.length} older</summary>${runTable(older, sight, shown, atMs)}</details>`;
  return html`<section class="schedule" id="${mark}"><h2>${schedule.name} ${pill(schedule.state)}</h2>
${scheduleSteering(account, schedule, steering, deeds)}
${facts(factRows(sight, atMs))}
${history.length === 0 ? html`<p>It has not run yet.</p>` : runTable(latest, sight, shown, atMs)}${olderPart}</section>`;
}

function factRows(sight: ScheduleSight, atMs: number) {
  const { schedule } = sight;
  const { caps, minSize } = schedule;
  return [
    ['when', whenWords(schedule)],
    ['next run', nextRunPart(sight, atMs)],
    ['input', inputWords(schedule)],
    ['results', schedule.out],
    ['rules', rulesWords(schedule)],
    ['cap of a batch', capWords(caps.batch)],
    ['cap of a day', capWords(caps.day)],
    ['least size', minSize === 'none' ? minSize : minSize && sizeText(minSize)],
    ['keeps', keepWords(schedule)],
    ['who is told', toldPart(sight, atMs)],
  ] as const;
}

function capWords(cap: number | 'none' | null): string | null {
  return typeof cap === 'number' ? creditsNumber(cap) : cap;
}

/** That somebody could not be notified, a person should see. */
function toldPart(sight: ScheduleSight, atMs: number): Html | string {
  const words = webhookWords(sight, atMs) ?? 'nobody';
  return lastTrouble(sight, atMs) === null ? words : html`<span class="trouble">${words}</span>`;
}

/** When it runs next; what should have run by now wants a person. */
function nextRunPart(sight: ScheduleSight, atMs: number): Part {
  const { schedule, nextMs } = sight;
  const words = nextRunWords(sight, atMs);
  if (schedule.state === 'paused') return 'none while it is paused';
  if (nextMs === null || words === null) return trouble('none: its ticks start with a worker');
  return atMs - nextMs > lateAfterMs ? trouble(words) : words;
}

/** Why none of an account's schedules runs; null where nothing keeps them. */
function standstill(
  { account, schedules, queue, late }: AccountSchedules,
  { accounts }: Overview,
): string | null {
  if (schedules.every(({ schedule }) => schedule.state === 'paused')) return null;
  if (queue === 'paused')
    return 'Nothing runs: their queue is paused under Queues; resume it there.';
  const workers = accounts.find((known) => known.account === account)?.view.workers ?? 0;
  if (workers === 0) return 'Nothing runs: no worker of this key is alive.';
  // A `run` counts as a live worker, and takes no schedules.
  if (late > 0) return `${counted(late, 'step')} came due and no "rivya-batch worker" takes them.`;
  return null;
}

/** The schedules in short, for the overview; null where there are none. */
export function schedulesInShort(overview: Overview): Html | null {
  const { schedules } = overview;
  if (schedules.length === 0) return null;
  return html`<h2><a href="${schedulesPath}">Schedules</a></h2>
${schedules.map((own) => accountInShort(own, overview))}`;
}

/** Each account by itself: what keeps its schedules says nothing of another's. */
function accountInShort(own: AccountSchedules, overview: Overview): Html {
  const { account, schedules } = own;
  const several = overview.schedules.length > 1;
  const reason = standstill(own, overview);
  const rows = schedules.map((sight) => shortRow(sight, account, overview.atMs));
  return html`${several ? accountCrumb(own) : null}
${reason && html`<p class="trouble">${reason}</p>`}
${table(['schedule', 'state', 'when', 'next run', 'last run'], rows)}`;
}

/** Whose it is that follows. */
function accountCrumb(own: AccountSchedules): Html {
  return html`<p class="crumb">${own.origin} <span class="quiet">account ${accountName(own)}</span></p>`;
}

function shortRow(sight: ScheduleSight, account: string, atMs: number): Part[] {
  const { schedule, history } = sight;
  const { name, state, zone } = schedule;
  const [last] = history;
  return [
    html`<a href="${scheduleLink(account, name)}">${name}</a>`,
    pill(state),
    whenWords(schedule),
    nextRunPart(sight, atMs),
    last ? html`${resultPill(last)} ${zoneText(last.scheduledMs, zone)}` : 'none yet',
  ];
}

function trouble(text: string): Html {
  return html`<span class="trouble">${text}</span>`;
}
