import { BatchError } from '../../shared/errors.js';
import type { Watch } from '../reading/watch.js';
import { addAccountMetrics } from './account-metrics.js';
import { addBatchMetrics, addScheduleMetrics } from './batch-metrics.js';
import { MetricSet } from './metric-set.js';

/** All metrics in Prometheus' text format. A Redis that is away is a metric too, not an error. */
export async function writeMetrics(watch: Watch): Promise<{ type: string; text: string }> {
  const set = new MetricSet();
  const up = set.gauge('redis_up', '1 where Redis answers.');
  try {
    const overview = await watch.look();
    up({}, 1);
    addAccountMetrics(set, overview);
    addBatchMetrics(set, overview.batches);
    addScheduleMetrics(set, overview);
  } catch (error) {
    if (!(error instanceof BatchError) || error.code !== 'redis_unreachable') throw error;
    up({}, 0);
  }
  return { type: set.contentType, text: await set.text() };
}
