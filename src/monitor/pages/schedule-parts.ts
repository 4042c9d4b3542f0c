import { type Html, html, type Part } from '../../shared/html.js';
import { counted } from '../../shared/quantities.js';
import { whenWords } from '../../shared/schedule/cron-words.js';
import type { ScheduleSight } from '../../shared/schedule/schedule-sight.js';
import { nextRunWords } from '../../shared/schedule/schedule-words.js';
import { zoneText } from '../../shared/schedule/zone-time.js';
import { type AccountSchedules, lateAfterMs } from '../reading/read-schedules.js';
import type { Overview } from '../reading/watch.js';
import { scheduleLink, schedulesPath } from './links.js';
import { pill, table } from './parts.js';
import { resultPill } from './run-parts.js';

/** When it runs next; what should have run by now wants a person. */
export function nextRunPart(sight: ScheduleSight, atMs: number): Part {
  const { schedule, nextMs } = sight;
  const words = nextRunWords(sight, atMs);
  if (schedule.state === 'paused') return 'none while it is paused';
  if (nextMs === null || words === null) return trouble('none: its ticks start with a worker');
  return atMs - nextMs > lateAfterMs ? trouble(words) : words;
}

/** Why none of an account's schedules runs; null where nothing keeps them. */
export function standstill(
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
  const { schedules, atMs } = overview;
  if (schedules.length === 0) return null;
  const rows = schedules.flatMap(({ account, schedules: own }) =>
    own.map((sight) => shortRow(sight, account, atMs)),
  );
  const reasons = new Set(schedules.map((own) => standstill(own, overview)));
  return html`<h2><a href="${schedulesPath}">Schedules</a></h2>
${[...reasons].map((reason) => reason && html`<p class="trouble">${reason}</p>`)}
${table(['schedule', 'state', 'when', 'next run', 'last run'], rows)}`;
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
