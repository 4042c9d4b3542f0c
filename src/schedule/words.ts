import cronstrue from 'cronstrue';
import { z } from 'zod';
import { ExitCode } from '../shared/errors.js';
import { formatDuration } from '../shared/quantities.js';
import { type CronTimes, zoneText } from './cron.js';
import type { ScheduleLedger } from './ledger.js';
import { type RunOf, type Schedule, type ScheduleRun, shownFile, type Told } from './schedule.js';

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

/** Whether there is a webhook, and whether it could be told the last time; null where there is none. */
export function webhookWords(sight: ScheduleSight): string | null {
  if (sight.webhook === 'none') return null;
  const untold = untoldWords(lastTold(sight));
  return `a webhook (not shown)${untold === null ? '' : `, which ${untold}`}`;
}

/** What went wrong when a webhook was told of a run; null where nothing did. */
export function toldTrouble(told: Told | null): string | null {
  const untold = untoldWords(told);
  return untold === null ? null : `the webhook ${untold}`;
}

function untoldWords(told: Told | null): string | null {
  if (told === null || told.kind === 'taken') return null;
  return told.triesLeft > 0
    ? `could not be told, and is tried again: ${told.reason}`
    : `could not be told: ${told.reason}`;
}

/** Ticks for which a run stands as well; '' where there are none. */
export function missedWords({ missed }: ScheduleRun): string {
  return missed > 0 ? ` (and ${missed} missed since)` : '';
}

/** What of a run is worth telling somebody who is not there; null for what goes well. */
export function runEvent(run: ScheduleRun): string | null {
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

/** One sentence on a run, for lists, logs and webhooks. */
export function describeRun(run: ScheduleRun, zone: string): string {
  switch (run.stage) {
    case 'waiting':
      return `${run.batch} waits for ${run.behind} to finish`;
    case 'starting':
      return run.trouble === null
        ? `${run.batch} is being queued`
        : `${run.batch} cannot start yet and is tried again: ${run.trouble}`;
    case 'running':
      return describeRunning(run);
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

function describeRunning({ batch, stopped }: RunOf<'running'>): string {
  switch (stopped) {
    case null:
      return `${batch} is running`;
    case 'capped':
      return `${batch} has stopped with work left: its cap on credits is reached`;
    case 'no_credits':
      return `${batch} waits: the account is out of credits`;
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
      return `${behind} waits already`;
    case 'missed':
      return 'no worker was there in time';
    default:
      return reason satisfies never;
  }
}

/** What a webhook is told of a run that did not end well: Slack shows `text`, programs read the rest. */
export const runMessageSchema = z.object({
  text: z.string(),
  event: z.string(),
  schedule: z.string(),
  run: z.string(),
  batch: z.string().nullable(),
  out: z.string().nullable(),
  scheduled: z.string(),
  /** As `run` would have ended; null where the batch goes on. */
  exit_code: z.number().nullable(),
  counts: z.record(z.string(), z.number()).nullable(),
});

export type RunMessage = z.infer<typeof runMessageSchema>;

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
  /** Ms since the epoch, in the past while no worker takes it; null while no tick is to come. */
  nextMs: number | null;
  /** Newest first; those that are kept. */
  history: ScheduleRun[];
  /** Runs that ever came due, those that were skipped or are forgotten included. */
  claims: number;
  /** Where it is told of failures is nobody's to see (S8). */
  webhook: 'set' | 'none';
}

/** @param ticks the schedules' queue, or a reader of it */
export async function readScheduleSight(
  ledger: ScheduleLedger,
  ticks: { nextTick(name: string): Promise<number | null> },
  schedule: Schedule,
): Promise<ScheduleSight> {
  const { name } = schedule;
  const [{ runs, claims }, nextMs, hasWebhook] = await Promise.all([
    ledger.runs(name),
    ticks.nextTick(name),
    ledger.hasWebhook(name),
  ]);
  return {
    schedule,
    nextMs,
    history: runs.map(({ run }) => run).reverse(),
    claims: Number(claims),
    webhook: hasWebhook ? 'set' : 'none',
  };
}

/** What the webhook was told last; null while it was told nothing. */
export function lastTold({ history }: ScheduleSight): Told | null {
  let last: Told | null = null;
  for (const { told } of history) if (told && (last === null || told.atMs > last.atMs)) last = told;
  return last;
}
