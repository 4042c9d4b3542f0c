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
  const { schedules } = overview;
  if (schedules.length === 0) return null;
  return html`<h2><a href="${schedulesPath}">Schedules</a></h2>
${schedules.map((own) => accountInShort(own, overview))}`;
}

/** Each account by itself: what keeps its schedules says nothing of another's. */
function accountInShort(own: AccountSchedules, overview: Overview): Html {
  const { account, origin, schedules } = own;
  const several = overview.schedules.length > 1;
  const reason = standstill(own, overview);
  const rows = schedules.map((sight) => shortRow(sight, account, overview.atMs));
  return html`${several ? accountCrumb(origin, account) : null}
${reason && html`<p class="trouble">${reason}</p>`}
${table(['schedule', 'state', 'when', 'next run', 'last run'], rows)}`;
}

/** Whose it is that follows. */
export function accountCrumb(origin: string, account: string): Html {
  return html`<p class="crumb">${origin} <span class="quiet">account ${account.slice(0, 8)}</span></p>`;
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
