import { lastOutcome, runResult, runResults } from '../../shared/schedule/run-result.js';
import { lastTold, type ScheduleSight } from '../../shared/schedule/schedule-sight.js';
import type { AccountSchedules } from '../reading/read-schedules.js';
import type { MetricSet } from './metric-set.js';

/** What the ledger keeps of schedules and their runs; of runs, the last hundred of each. */
export function addScheduleMetrics(set: MetricSet, accounts: readonly AccountSchedules[]): void {
  const due = set.gauge(
    'schedule_jobs_due',
    'Jobs of the schedules that are due and that no worker has taken.',
  );
  for (const { account, schedules, due: count } of accounts) {
    due({ account }, count);
    for (const sight of schedules) {
      addRunMetrics(set, account, sight);
      addTimeMetrics(set, account, sight);
    }
  }
}

function addRunMetrics(set: MetricSet, account: string, sight: ScheduleSight): void {
  const { schedule, history, claims, webhook } = sight;
  const labels = { account, schedule: schedule.name };
  const total = set.counter(
    'schedule_runs_total',
    'Runs that came due since the schedule was set, skipped ones included.',
  );
  const kept = set.gauge(
    'schedule_runs_kept',
    'Runs by result, of those that are kept: a hundred at most, so this may go down.',
  );
  const succeeded = set.gauge(
    'schedule_last_run_succeeded',
    '1 where the last run that is over succeeded, 0 where it did not, was refused, skipped or stopped with work left.',
  );
  const untold = set.gauge(
    'schedule_webhook_failed',
    '1 where the webhook could not be told the last time that there was something to tell.',
  );
  total(labels, claims);
  for (const result of runResults) {
    kept({ ...labels, result }, history.filter((run) => runResult(run) === result).length);
  }
  const outcome = lastOutcome(history);
  if (outcome !== null) succeeded(labels, outcome === 'good' ? 1 : 0);
  if (webhook === 'set') untold(labels, lastTold(sight)?.kind === 'refused' ? 1 : 0);
}

function addTimeMetrics(set: MetricSet, account: string, sight: ScheduleSight): void {
  const { schedule, history, nextMs } = sight;
  const labels = { account, schedule: schedule.name };
  const paused = set.gauge('schedule_paused', '1 where a person paused the schedule.');
  const last = set.gauge(
    'schedule_last_run_timestamp_seconds',
    'When the last run was due that was not skipped.',
  );
  const next = set.gauge(
    'schedule_next_run_timestamp_seconds',
    'When the next run is due; in the past while no worker takes it.',
  );
  paused(labels, schedule.state === 'paused' ? 1 : 0);
  const lastRun = history.find(({ stage }) => stage !== 'skipped');
  if (lastRun) last(labels, lastRun.scheduledMs / 1000);
  if (nextMs !== null) next(labels, nextMs / 1000);
}
