import { ExitCode } from '../errors.js';
import type { RunOf, ScheduleRun } from './schedule-run.js';
import { zoneText } from './zone-time.js';

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
