import { type AccountView, mostInFlight } from '../../ledger/account-view.js';
import { type BatchMeta, isOver, leftOf, withoutSuccess } from '../../ledger/batch-meta.js';
import type { NotedDeed } from '../../ledger/deeds.js';
import { type HistorySpan, isNothing } from '../../ledger/history.js';
import { lastMessage, untoldText, webhookText } from '../../notify/words.js';
import type { FailureGroup } from '../../results/failures.js';
import { zoneText } from '../../schedule/cron.js';
import type { ScheduleRun } from '../../schedule/schedule.js';
import {
  describeRun,
  missedWords,
  runResult,
  type ScheduleSight,
  toldTrouble,
} from '../../schedule/words.js';
import { type Html, html, type Part } from '../../shared/html.js';
import { outOfCredits } from '../../shared/out-of-credits.js';
import { sizeText } from '../../shared/picture-size.js';
import { creditsNumber, shellWord } from '../../shared/quantities.js';
import { queueName } from '../../shared/queue-names.js';
import type { LatestResults } from '../reading/latest-results.js';
import type { WatchedBatch } from '../reading/overview.js';
import { queuesOf } from '../reading/queues.js';
import { accountName } from '../reading/read-account.js';
import type { Failures } from '../reading/read-failures.js';
import { historyPart, type ShownHistory } from './history-part.js';
import {
  batchLink,
  briefLink,
  creditsWords,
  facts,
  findLink,
  layout,
  neededHtml,
  paceOfBatchWords,
  pill,
  progressOf,
  queueLink,
  reviewLink,
  stateOf,
  table,
  timeLeftWords,
  timeText,
} from './layout.js';
import { elsewhereWords, isInBucket, latestPart } from './results-part.js';
import { batchSteering, retryPart, type Steering } from './steering-parts.js';

/** What the page of a batch shows beside what is watched of it. */
export interface BatchSurroundings {
  atMs: number;
  results: LatestResults;
  steering: Steering;
  deeds: readonly NotedDeed[];
  history: Pick<ShownHistory, 'series' | 'endedMs'>;
}

export function batchPage(
  batch: WatchedBatch,
  failures: Failures,
  { atMs, results, steering, deeds, history }: BatchSurroundings,
): string {
  const { meta } = batch;
  const main = html`<h1>${meta.name} ${stateOf(meta)}</h1>
<p class="progress">${progressOf(meta)}</p>
${results.kind === 'here' ? html`<p><a href="${reviewLink(meta.name)}">Look and decide</a></p>` : null}
${batchSteering(meta, steering, deeds)}
${facts(factRows(batch, atMs))}
${results.kind === 'here' ? latestPart(meta.name, results.latest) : elsewherePart(batch)}
${overTimePart(meta, history)}
<h2>Without success</h2>
${failuresPart(batch, failures, steering)}
${isOver(meta) ? null : stagesPart(batch)}`;
  const search = { text: '', batch: meta.name };
  return layout({ title: meta.name, live: 'live', atMs, search, main });
}

/** Where they can be looked at instead. */
function elsewherePart({ meta }: WatchedBatch): Html | null {
  if (meta.admitted === meta.pending) return null;
  return html`<p>Results are ${elsewhereWords(meta)}.${meta.out === '' ? null : html` Look at them ${isInBucket(meta) ? 'from wherever its credentials are set' : 'there'}: <code>rivya-batch review ${shellWord(meta.out)}</code>`}</p>`;
}

/** Of one that ended long ago, or before this was counted, Redis knows nothing. */
function overTimePart(
  meta: BatchMeta,
  { series, endedMs }: BatchSurroundings['history'],
): Html | null {
  const { name } = meta;
  if (isOver(meta) && series.buckets.every(({ figures }) => isNothing(figures))) return null;
  const addressOf = (span: HistorySpan) => batchLink(name, { span });
  return html`<h2>Over time</h2>
${historyPart({ id: name, series, endedMs, addressOf })}`;
}

function factRows(batch: WatchedBatch, atMs: number) {
  const { meta, look } = batch;
  const { lines, requests } = meta;
  const limiting = limitingWords(batch);
  const left = leftOf(meta);
  const running = left - look.waiting;
  return [
    ['succeeded', lines.succeeded],
    ['failed', lines.failed],
    ['unknown', lines.unknown],
    ['cancelled', lines.cancelled],
    ['left', left === 0 ? 0 : `${left}: ${running} running, ${look.waiting} waiting`],
    ['to come', meta.toCome === 0 ? null : `${meta.toCome} of them, as those before them are made`],
    ['credits', creditsWords(batch)],
    ['still needed', neededPart(batch)],
    ['cap of a day', meta.maxCreditsPerDay === null ? null : creditsNumber(meta.maxCreditsPerDay)],
    ['least size', meta.minSize && sizeText(meta.minSize)],
    ['priority', meta.priority === 0 ? null : meta.priority],
    ['pace', paceOfBatchWords(batch)],
    ['limited by', limiting && html`<span class="${limiting.tone}">${limiting.text}</span>`],
    ['not begun', batch.notBegun && html`<span class="trouble">${batch.notBegun}</span>`],
    ['files', filesPart(batch)],
    ['who is told', toldPart(batch, atMs)],
    ['time left', timeLeftWords(batch)],
    [
      'requests',
      `${requests.submits} submissions, ${requests.statusChecks} status checks, ${requests.downloads} downloads${uploadsText(requests.uploads)}`,
    ],
    ['input', `${meta.rejected} rejected, ${meta.duplicates} duplicates`],
    ['lines to write', batch.unwritten === 0 ? null : batch.unwritten],
    ['account', `${accountName(batch.account)} at ${meta.origin}`],
    ['from', meta.sources.join(', ')],
    ['results', meta.out || "the worker's own folder"],
    ['made', timeText(meta.createdAt)],
  ] as const;
}

/** Of this batch alone: what others of its key need, the first page says of all together. */
function neededPart({ needs, account: { wallet } }: WatchedBatch): Html | null {
  if (needs === null || needs === 0) return null;
  return neededHtml(needs, wallet?.credits ?? null);
}

function filesPart({ filesDue: { count, reason } }: WatchedBatch): Html | null {
  if (count === 0) return null;
  const why = reason === null ? '' : ` ${reason}`;
  return html`<span class="trouble">${count} cannot be fetched yet.${why}</span>`;
}

function toldPart({ meta, account, webhook }: WatchedBatch, atMs: number): Html | string | null {
  if (webhook === null) return null;
  const last = lastMessage(account.messages.filter(({ batch }) => batch === meta.name));
  const untold = last && untoldText(last, atMs);
  if (!untold) return webhookText(webhook);
  return html`<span class="trouble">${webhookText(webhook)}, which ${untold}</span>`;
}

function failuresPart({ meta }: WatchedBatch, failures: Failures, steering: Steering): Html {
  const count = withoutSuccess(meta);
  if (count === 0) return html`<p>None.</p>`;
  if (failures.kind === 'elsewhere') {
    const { name } = meta;
    const where = isInBucket(meta) ? 'where its credentials are set' : 'there';
    return html`<p>${count}. The manifest says why; it is ${elsewhereWords(meta)}. Ask and retry ${where}:</p>
${[
  ['status', name, '--failed'],
  ['retry', name],
].map((words) => html`<p><code>${steering.commandLine(words)}</code></p>`)}`;
  }
  const unreadable =
    failures.unreadable === 0
      ? null
      : html`<p class="trouble">${failures.unreadable} lines of the manifest cannot be read: <code>rivya-batch verify</code> names them.</p>`;
  return html`${failures.groups.map((group) => groupPart(meta.name, group, steering))}${unreadable}`;
}

function groupPart(
  batch: string,
  { code, count, statuses, example, remedy }: FailureGroup,
  steering: Steering,
): Html {
  const ends = Object.entries(statuses).map(([status, number]) => `${number} ${status}`);
  return html`<section class="group"><h3><a href="${findLink(code, batch)}">${count} × ${code}</a> <span class="quiet">${ends.join(', ')}</span></h3>
<p>Such as <a href="${briefLink(batch, example.brief_id)}">${example.brief_id}</a>${example.message ? html`: <q>${example.message}</q>` : null}</p>
<p class="quiet">${remedy}</p>
<p>${retryPart(batch, code, steering)}</p></section>`;
}

/** Of one that is over, the queues are empty. */
function stagesPart({ meta, queues }: WatchedBatch): Html {
  const rows = queuesOf(meta).map((stage) => {
    const { waiting, active, delayed, failed } = queues[stage];
    const link = html`<a href="${queueLink(queueName(meta.name, stage))}">${stage}</a>`;
    return [link, waiting, active, delayed, failed];
  });
  return html`<h2>Stages</h2>
${table(['queue', 'waiting', 'active', 'delayed', 'taken out'], rows)}`;
}

/** Most batches refer to no files. */
function uploadsText(uploads: number): string {
  return uploads === 0 ? '' : `, ${uploads} uploads`;
}

export function resultPill(run: ScheduleRun): Html {
  return pill(runResult(run).replace('_', ' '));
}

/** Runs of a schedule and what became of each; only batches that are `shown` have a page. */
export function runTable(
  runs: readonly ScheduleRun[],
  sight: ScheduleSight,
  shown: ReadonlyMap<string, WatchedBatch>,
  atMs: number,
): Html {
  const { zone } = sight.schedule;
  const rows = runs.map((run): Part[] => {
    const batch = run.stage === 'skipped' ? null : run.batch;
    const watched = batch === null ? undefined : shown.get(batch);
    return [
      html`${zoneText(run.scheduledMs, zone)}${run.trigger === 'hand' ? html` <span class="quiet">by hand</span>` : null}`,
      watched ? html`<a href="${batchLink(watched.meta.name)}">${batch}</a>` : batch,
      resultPill(run),
      briefsPart(run, watched),
      whatPart(sight, run, atMs),
    ];
  });
  return table(['due', 'batch', 'result', 'briefs', 'outcome'], rows);
}

function briefsPart(run: ScheduleRun, watched: WatchedBatch | undefined): Part {
  if (run.stage === 'ended') {
    return (
      run.counts &&
      html`<span class="count">${run.counts.succeeded} of ${run.counts.admitted}</span>`
    );
  }
  return run.stage === 'running' && watched ? progressOf(watched.meta) : null;
}

function whatPart(sight: ScheduleSight, run: ScheduleRun, atMs: number): Html {
  const trouble = toldTrouble(sight, run, atMs);
  return html`${describeRun(run, { zone: sight.schedule.zone, origin: sight.origin })}${missedWords(run)}${trouble === null ? null : html`; <span class="trouble">${trouble}</span>`}`;
}

export interface LimitingWords {
  text: string;
  /** `trouble` wants a person; `normal` is how it should be. */
  tone: 'trouble' | 'normal';
}

/** What keeps an open batch from going faster, for people who are not at its terminal; null where nothing is left. */
export function limitingWords({ meta, account, look }: WatchedBatch): LimitingWords | null {
  if (leftOf(meta) === 0) return null;
  const { view } = account;
  switch (look.limiting) {
    case 'nobody':
      return trouble('nothing works on it: no live worker');
    case 'cap':
      return trouble('its --max-credits');
    case 'day_cap':
      return trouble('its --max-credits-per-day');
    case 'key':
      return trouble('the API refuses the key');
    case 'credits':
      return trouble(`the account is ${outOfCredits(meta.origin)}`);
    case 'api_down':
      return trouble('the API does not answer');
    case 'files':
      return trouble('files that cannot be fetched yet');
    case 'approval':
      return trouble('results that wait for approval');
    case 'put_off':
      return trouble('submissions that were refused or not answered, and are tried again later');
    case 'paused':
      return trouble('it is paused');
    case 'rate':
      return normal(`the pace: ${paceWords(view)}`);
    case 'in_flight':
      return normal(`running tasks: ${placesWords(view)}`);
    case 'machine':
      return normal('the machines that work on it');
    case 'api':
      return normal('the time that tasks take');
    default:
      return look.limiting satisfies never;
  }
}

export function paceWords({ told, learnedRate }: AccountView): string {
  if (told.rate !== null) return `at most ${told.rate} requests/s (set)`;
  return learnedRate === null
    ? 'still to be learned'
    : `at most ${learnedRate.toFixed(1)} requests/s, learned`;
}

export function placesWords(view: AccountView): string {
  return `${view.inFlight} of at most ${mostInFlight(view)}`;
}

function trouble(text: string): LimitingWords {
  return { text, tone: 'trouble' };
}

function normal(text: string): LimitingWords {
  return { text, tone: 'normal' };
}
