import { cappedBy, isPaused, leftOf } from '../../ledger/batch-meta.js';
import {
  lastOutcome,
  lastTrouble,
  runResult,
  runResults,
  type ScheduleSight,
} from '../../schedule/words.js';
import type { Overview, WatchedBatch } from '../reading/overview.js';
import { queuesOf } from '../reading/queues.js';
import type { MetricSet } from './metric-set.js';

/** What the ledger counts for each batch. */
export function addBatchMetrics(set: MetricSet, batches: readonly WatchedBatch[]): void {
  const briefs = set.gauge('briefs', 'Admitted briefs by how they ended, or pending.');
  const requests = set.counter(
    'requests_total',
    'Requests by kind; status checks and downloads are counted when their brief ends.',
  );
  const unwritten = set.gauge('lines_unwritten', 'Finished lines that wait to be written.');
  const filesDue = set.gauge(
    'files_due',
    'Results of finished tasks that could not be fetched and are asked for again.',
  );
  const paused = set.gauge('paused', '1 where a person paused the batch.');
  const capped = set.gauge('capped', '1 where a cap on credits keeps the next brief back.');
  for (const batch of batches) {
    const { meta } = batch;
    const { name, account, lines } = meta;
    const counts = { ...lines, pending: leftOf(meta) };
    for (const [status, count] of Object.entries(counts)) {
      briefs({ account, batch: name, status }, count);
    }
    requests({ account, batch: name, kind: 'submit' }, meta.requests.submits);
    requests({ account, batch: name, kind: 'status_check' }, meta.requests.statusChecks);
    requests({ account, batch: name, kind: 'download' }, meta.requests.downloads);
    requests({ account, batch: name, kind: 'upload' }, meta.requests.uploads);
    unwritten({ account, batch: name }, batch.unwritten);
    filesDue({ account, batch: name }, batch.filesDue.count);
    paused({ account, batch: name }, isPaused(meta) ? 1 : 0);
    capped({ account, batch: name }, cappedBy(meta) === null ? 0 : 1);
  }
  addQueueMetrics(set, batches);
  addCreditMetrics(set, batches);
}

function addQueueMetrics(set: MetricSet, batches: readonly WatchedBatch[]): void {
  const jobs = set.gauge('jobs', 'Jobs by stage and state; failed ones were taken out.');
  for (const { meta, queues } of batches) {
    const { name: batch, account } = meta;
    for (const stage of queuesOf(meta)) {
      for (const [state, count] of Object.entries(queues[stage])) {
        jobs({ account, batch, stage, state }, count);
      }
    }
  }
}

function addCreditMetrics(set: MetricSet, batches: readonly WatchedBatch[]): void {
  const credits = set.gauge('credits', 'Credits spent, and reserved for what is under way.');
  const left = set.gauge('credits_cap_left', 'Credits left of --max-credits, where one was given.');
  const needed = set.gauge(
    'credits_needed',
    'What is not submitted yet will take about so many credits, at the prices charged so far.',
  );
  for (const { meta, needs } of batches) {
    const { name: batch, account, spent, reserved, maxCredits } = meta;
    credits({ account, batch, kind: 'spent' }, spent);
    credits({ account, batch, kind: 'reserved' }, reserved);
    if (needs !== null) needed({ account, batch }, needs);
    if (maxCredits !== null) left({ account, batch }, maxCredits - spent - reserved);
  }
}

/** What the ledger keeps of schedules and their runs; of runs, the last hundred of each. */
export function addScheduleMetrics(
  set: MetricSet,
  { schedules: accounts, atMs }: Pick<Overview, 'schedules' | 'atMs'>,
): void {
  const due = set.gauge(
    'schedule_jobs_due',
    'Jobs of the schedules that are due and that no worker has taken.',
  );
  for (const { account, schedules, due: count } of accounts) {
    due({ account }, count);
    for (const sight of schedules) {
      addRunMetrics(set, account, sight, atMs);
      addTimeMetrics(set, account, sight);
    }
  }
}

function addRunMetrics(set: MetricSet, account: string, sight: ScheduleSight, atMs: number): void {
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
    '1 where the webhook could not be notified the last time.',
  );
  total(labels, claims);
  for (const result of runResults) {
    kept({ ...labels, result }, history.filter((run) => runResult(run) === result).length);
  }
  const outcome = lastOutcome(history);
  if (outcome !== null) succeeded(labels, outcome === 'good' ? 1 : 0);
  if (webhook !== null) untold(labels, lastTrouble(sight, atMs) === null ? 0 : 1);
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
