import cronstrue from 'cronstrue';
import type { NotedDeed } from '../ledger/deeds.js';
import type { Message } from '../ledger/message-ledger.js';
import {
  lastMessage,
  type ShownWebhook,
  shownWebhook,
  untoldText,
  webhookText,
} from '../notify/words.js';
import { shownFile } from '../shared/addresses.js';
import { ExitCode } from '../shared/errors.js';
import { outOfCredits } from '../shared/out-of-credits.js';
import { counted, formatCredits, formatDuration } from '../shared/quantities.js';
import { type CronTimes, nextTick, zoneText } from './cron.js';
import type { ScheduleLedger } from './ledger.js';
import type { RunOf, Schedule, ScheduleRun, StopReason } from './schedule.js';

const timesOfDay = /^At \d\d:\d\d[\d:, and]*$/;

/** When a schedule runs, for people: `At 02:00, every day, in Europe/Berlin (0 2 * * *)`. */
export function whenWords({ cron, zone }: CronTimes): string {
  const words = patternWords(cron);
  return words === null ? `${cron} in ${zone}` : `${words}, in ${zone} (${cron})`;
}

/** Null where the pattern is one that comes due and that there are no words for. */
function patternWords(cron: string): string | null {
  try {
    const words = cronstrue.toString(cron, { use24HourTimeFormat: true });
    return timesOfDay.test(words) ? `${words}, every day` : words;
  } catch {
    return null;
  }
}

/** `2026-11-22 02:00 (+0100), in 5.3 h`; null where no run is to come. */
export function nextRunWords({ schedule, nextMs }: ScheduleSight, nowMs: number): string | null {
  if (nextMs === null) return null;
  const when = nextMs < nowMs ? 'as soon as a worker runs' : `in ${formatDuration(nextMs - nowMs)}`;
  return `${zoneText(nextMs, schedule.zone)}, ${when}`;
}

const timesAhead = 5;

/** When it is due next, in ms since the epoch; none where no run is to come. */
export function nextTimes({ schedule, nextMs }: ScheduleSight, nowMs: number): number[] {
  if (nextMs === null) return [];
  const times = [nextMs];
  let lastMs = Math.max(nextMs, nowMs);
  while (times.length < timesAhead) {
    lastMs = nextTick(schedule, lastMs);
    times.push(lastMs);
  }
  return times;
}

/** What may be spent. */
export function capsWords({ caps: { batch, day } }: Schedule): string {
  const parts = [
    ...(typeof batch === 'number' ? [`${formatCredits(batch)} a batch`] : []),
    ...(typeof day === 'number' ? [`${formatCredits(day)} a day for all batches of the key`] : []),
  ];
  return parts.length === 0 ? 'none' : parts.join(', ');
}

/** What is not put away. */
export function keepWords({ keep: { runs, days } }: Schedule): string {
  const parts = [
    ...(runs === null ? [] : [`the last ${counted(runs, 'run')} that made something`]),
    ...(days === null ? [] : [`those of the last ${counted(days, 'day')}`]),
  ];
  return parts.length === 0 ? 'all runs' : parts.join(', and ');
}

/** Its files, without what may be a secret in their URLs (S8). */
export function inputWords({ files }: Schedule): string {
  return files.map(shownFile).join(', ');
}

export function rulesWords({ overlap, missed, badRows, makes, priority }: Schedule): string {
  const rules = [`overlap: ${overlap}`, `missed: ${missed}`, `bad rows: ${badRows}`];
  if (makes === 'only_changed') rules.push('only what changed');
  if (priority !== 0) rules.push(`priority: ${priority}`);
  return rules.join(', ');
}

/** Who is told, and whether the last message reached them; null where nobody is. */
export function webhookWords({ webhook, messages }: ScheduleSight, nowMs: number): string | null {
  if (webhook === null) return null;
  const untold = untoldWords(lastMessage(messages), nowMs);
  return `${webhookText(webhook)}${untold === null ? '' : `, which ${untold}`}`;
}

/** What went wrong when somebody was to be told of a run; null where nothing did. */
export function toldTrouble(sight: ScheduleSight, run: ScheduleRun, nowMs: number): string | null {
  return troubleWords(messageOfRun(sight, run), nowMs);
}

/** The same of whatever there was to tell last. */
export function lastTrouble({ messages }: ScheduleSight, nowMs: number): string | null {
  return troubleWords(lastMessage(messages), nowMs);
}

function troubleWords(message: Message | null, nowMs: number): string | null {
  const untold = untoldWords(message, nowMs);
  return untold === null ? null : `the webhook ${untold}`;
}

function untoldWords(message: Message | null, nowMs: number): string | null {
  return message === null ? null : untoldText(message, nowMs);
}

/** What there was to tell of a run, or of its batch, the last of it; null where there was nothing. */
export function messageOfRun({ messages }: ScheduleSight, run: ScheduleRun): Message | null {
  return lastMessage(messages.filter((message) => isOfRun(message, run)));
}

function isOfRun({ schedule, batch }: Message, run: ScheduleRun): boolean {
  if (schedule !== null) return schedule.run === run.id;
  return run.stage !== 'skipped' && batch === run.batch;
}

/** Ticks for which a run stands as well; '' where there are none. */
export function missedWords({ missed }: ScheduleRun): string {
  return missed > 0 ? ` (and ${missed} missed since)` : '';
}

export type RunEvent = StopReason | 'cannot_start' | 'ended_with_failures' | 'skipped' | 'refused';

/** What of a run is worth a warning; null for what goes well. */
export function runEvent(run: ScheduleRun): RunEvent | null {
  switch (run.stage) {
    case 'waiting':
      return null;
    case 'starting':
      return run.trouble === null ? null : 'cannot_start';
    case 'running':
      return run.stopped;
    case 'ended':
      return run.exitCode === ExitCode.succeeded ? null : 'ended_with_failures';
    case 'skipped':
      // Whoever asked for missed ticks not to be made up for need not be told.
      return run.reason === 'missed' ? null : 'skipped';
    case 'refused':
      return 'refused';
    default:
      return run satisfies never;
  }
}

/** Where a run's times and credits are. */
export interface RunSetting {
  zone: string;
  /** Of the API. */
  origin: string;
}

/** One sentence on a run, for lists, logs and messages. */
export function describeRun(run: ScheduleRun, { zone, origin }: RunSetting): string {
  switch (run.stage) {
    case 'waiting':
      return `${run.batch} waits for ${run.behind} to finish`;
    case 'starting':
      return run.trouble === null
        ? `${run.batch} is being queued`
        : `${run.batch} cannot start yet and is tried again: ${run.trouble}`;
    case 'running':
      return describeRunning(run, origin);
    case 'ended':
      return describeEnd(run);
    case 'skipped':
      return `the run of ${zoneText(run.scheduledMs, zone)} was skipped: ${describeSkip(run)}`;
    case 'refused':
      return `${run.batch} was not started, nothing was spent: ${run.message}`;
    default:
      return run satisfies never;
  }
}

function describeRunning({ batch, stopped }: RunOf<'running'>, origin: string): string {
  switch (stopped) {
    case null:
      return `${batch} is running`;
    case 'capped':
      return `${batch} has stopped with work left: its cap on credits is reached`;
    case 'no_credits':
      return `${batch} waits: the account is ${outOfCredits(origin)}`;
    case 'key_refused':
      return `${batch} has stopped with work left: the API refuses the key`;
    default:
      return stopped satisfies never;
  }
}

function describeEnd({ batch, counts, out }: RunOf<'ended'>): string {
  if (counts === null) return `${batch} was forgotten before it was seen to finish`;
  const { admitted, succeeded, failed, unknown, cancelled, taken_over: taken } = counts;
  const kept = taken > 0 ? `, ${taken} of them taken over unchanged` : '';
  if (succeeded === admitted) {
    return `${batch} finished: ${succeeded} of ${admitted} succeeded${kept}`;
  }
  return `${batch} finished, and ${admitted - succeeded} of ${admitted} briefs did not succeed (${failed} failed, ${unknown} unknown, ${cancelled} cancelled); see ${out}`;
}

function describeSkip({ reason, behind }: RunOf<'skipped'>): string {
  switch (reason) {
    case 'overlap':
      return `${behind} is not finished`;
    case 'another_waits':
      return `${behind} is waiting already`;
    case 'missed':
      return 'no worker ran in time';
    default:
      return reason satisfies never;
  }
}

/** How far a run came, or how it ended, in one word: the same in pages, metrics and lists. */
export const runResults = [
  'waiting',
  'starting',
  'running',
  'stopped',
  'succeeded',
  'with_failures',
  'forgotten',
  'refused',
  'skipped',
  'missed',
] as const;
export type RunResult = (typeof runResults)[number];

export function runResult(run: ScheduleRun): RunResult {
  switch (run.stage) {
    case 'waiting':
    case 'refused':
      return run.stage;
    case 'starting':
      return run.trouble === null ? 'starting' : 'stopped';
    case 'running':
      return run.stopped === null ? 'running' : 'stopped';
    case 'ended':
      if (run.counts === null) return 'forgotten';
      return run.exitCode === ExitCode.succeeded ? 'succeeded' : 'with_failures';
    case 'skipped':
      return run.reason === 'missed' ? 'missed' : 'skipped';
    default:
      return run satisfies never;
  }
}

/** Of the last run of which it can be said (`history` has the newest first); null where there is none. */
export function lastOutcome(history: readonly ScheduleRun[]): 'good' | 'bad' | null {
  for (const run of history) {
    const outcome = outcomes[runResult(run)];
    if (outcome !== null) return outcome;
  }
  return null;
}

/** Missed ones are left out by the schedule's own rule; of one that is under way nothing can be said. */
const outcomes: Readonly<Record<RunResult, 'good' | 'bad' | null>> = {
  waiting: null,
  starting: null,
  running: null,
  stopped: 'bad',
  succeeded: 'good',
  with_failures: 'bad',
  forgotten: null,
  refused: 'bad',
  skipped: 'bad',
  missed: null,
};

/** A schedule and what became of it, for whoever looks. */
export interface ScheduleSight {
  schedule: Schedule;
  /** Of the API. */
  origin: string;
  /** Ms since the epoch, in the past while no worker takes it; null while no tick is to come. */
  nextMs: number | null;
  /** Newest first; those that are kept. */
  history: ScheduleRun[];
  /** Runs that ever came due, those that were skipped or are forgotten included. */
  claims: number;
  /** Null where nobody is told. */
  webhook: ShownWebhook | null;
  /** What people have done to it, the latest first. */
  deeds: NotedDeed[];
  /** What there was to tell of it, of its runs and of their batches. */
  messages: Message[];
}

/**
 * @param ticks the schedules' queue, or a reader of it
 * @param messages all that the account has to tell, or had lately
 */
export async function readScheduleSight(
  ledger: ScheduleLedger,
  ticks: { nextTick(name: string): Promise<number | null> },
  messages: readonly Message[],
  schedule: Schedule,
): Promise<ScheduleSight> {
  const { name } = schedule;
  const [{ runs, claims }, nextMs, webhook, deeds] = await Promise.all([
    ledger.runs(name),
    ticks.nextTick(name),
    ledger.webhook(name),
    ledger.deedsOf(name).latest(),
  ]);
  const history = runs.map(({ run }) => run).reverse();
  return {
    schedule,
    origin: ledger.origin,
    nextMs,
    history,
    claims: Number(claims),
    deeds,
    webhook: webhook && shownWebhook(webhook),
    messages: messages.filter((message) =>
      message.schedule === null
        ? history.some((run) => isOfRun(message, run))
        : message.schedule.name === name,
    ),
  };
}
