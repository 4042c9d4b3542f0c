import { type Html, html } from '../../shared/html.js';
import { creditsNumber } from '../../shared/quantities.js';
import { whenWords } from '../../shared/schedule/cron-words.js';
import { lastTold, type ScheduleSight } from '../../shared/schedule/schedule-sight.js';
import {
  inputWords,
  rulesWords,
  toldTrouble,
  webhookWords,
} from '../../shared/schedule/schedule-words.js';
import type { AccountSchedules } from '../reading/read-schedules.js';
import type { Overview, WatchedBatch } from '../reading/watch.js';
import { layout } from './layout.js';
import { scheduleMark } from './links.js';
import { facts, pill } from './parts.js';
import { runTable } from './run-parts.js';
import { accountCrumb, nextRunPart, standstill } from './schedule-parts.js';

/** So many runs are seen at once; the others that are kept are folded away. */
const latestRuns = 7;

export function schedulesPage(overview: Overview): string {
  const { schedules, atMs } = overview;
  const main = html`<h1>Schedules</h1>
${schedules.length === 0 ? html`<p>There are no schedules yet. Set one: <code>rivya-batch schedule add --help</code></p>` : null}
${schedules.map((own) => accountPart(own, overview))}`;
  return layout({
    title: 'Schedules',
    live: 'live',
    atMs,
    search: { text: '', batch: '' },
    main,
  });
}

function accountPart(own: AccountSchedules, overview: Overview): Html {
  const { account, origin, schedules } = own;
  const shown = new Map(
    overview.batches
      .filter(({ meta }) => meta.account === account)
      .map((batch) => [batch.meta.name, batch]),
  );
  const trouble = standstill(own, overview);
  return html`${accountCrumb(origin, account)}
${trouble && html`<p class="trouble">${trouble}</p>`}
${schedules.map((sight) => schedulePart(sight, { account, shown, atMs: overview.atMs }))}`;
}

interface Surroundings {
  account: string;
  /** Batches of the account that have a page, by name. */
  shown: ReadonlyMap<string, WatchedBatch>;
  atMs: number;
}

function schedulePart(sight: ScheduleSight, { account, shown, atMs }: Surroundings): Html {
  const { schedule, history } = sight;
  const mark = scheduleMark(account, schedule.name);
  const latest = history.slice(0, latestRuns);
  const older = history.slice(latestRuns);
  const olderPart =
    older.length === 0
      ? null
      : html`<details id="${mark} older"><summary>${older.length} older</summary>${runTable(older, schedule, shown)}</details>`;
  return html`<section class="schedule" id="${mark}"><h2>${schedule.name} ${pill(schedule.state)}</h2>
${facts(factRows(sight, atMs))}
${history.length === 0 ? html`<p>It has not run yet.</p>` : runTable(latest, schedule, shown)}${olderPart}</section>`;
}

function factRows(sight: ScheduleSight, atMs: number) {
  const { schedule } = sight;
  const { caps } = schedule;
  return [
    ['when', whenWords(schedule)],
    ['next run', nextRunPart(sight, atMs)],
    ['input', inputWords(schedule)],
    ['results', schedule.out],
    ['rules', rulesWords(schedule)],
    ['cap of a batch', capWords(caps.batch)],
    ['cap of a day', capWords(caps.day)],
    ['is told of failures', toldPart(sight)],
  ] as const;
}

function capWords(cap: number | 'none' | null): string | null {
  return typeof cap === 'number' ? creditsNumber(cap) : cap;
}

/** Where it is told, nobody sees (S8); that it could not be, a person should. */
function toldPart(sight: ScheduleSight): Html | string {
  const words = webhookWords(sight) ?? 'nobody';
  const trouble = toldTrouble(lastTold(sight));
  return trouble === null ? words : html`<span class="trouble">${words}</span>`;
}
