import { queueStages } from '../../shared/queues.js';
import type { WatchedBatch } from '../reading/watch.js';
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
    const counts = { ...lines, pending: meta.pending };
    for (const [status, count] of Object.entries(counts)) {
      briefs({ account, batch: name, status }, count);
    }
    requests({ account, batch: name, kind: 'submit' }, meta.requests.submits);
    requests({ account, batch: name, kind: 'status_check' }, meta.requests.statusChecks);
    requests({ account, batch: name, kind: 'download' }, meta.requests.downloads);
    requests({ account, batch: name, kind: 'upload' }, meta.requests.uploads);
    unwritten({ account, batch: name }, batch.unwritten);
    filesDue({ account, batch: name }, batch.filesDue.count);
    paused({ account, batch: name }, meta.paused ? 1 : 0);
    capped({ account, batch: name }, meta.capped === null ? 0 : 1);
  }
  addQueueMetrics(set, batches);
  addCreditMetrics(set, batches);
}

function addQueueMetrics(set: MetricSet, batches: readonly WatchedBatch[]): void {
  const jobs = set.gauge('jobs', 'Jobs by stage and state; failed ones were taken out.');
  for (const { meta, queues } of batches) {
    const { name: batch, account } = meta;
    for (const stage of queueStages) {
      for (const [state, count] of Object.entries(queues[stage])) {
        jobs({ account, batch, stage, state }, count);
      }
    }
  }
}

function addCreditMetrics(set: MetricSet, batches: readonly WatchedBatch[]): void {
  const credits = set.gauge('credits', 'Credits spent, and reserved for what is under way.');
  const left = set.gauge('credits_cap_left', 'Credits left of --max-credits, where one was given.');
  for (const { meta } of batches) {
    const { name: batch, account, spent, reserved, maxCredits } = meta;
    credits({ account, batch, kind: 'spent' }, spent);
    credits({ account, batch, kind: 'reserved' }, reserved);
    if (maxCredits !== null) left({ account, batch }, maxCredits - spent - reserved);
  }
}
