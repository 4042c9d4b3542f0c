import type { BriefState } from '../ledger/brief-state.js';
import { queueOf } from '../ledger/moves.js';
import { type QueueName, queueNames } from '../shared/queue-names.js';
import type { NewJob } from '../shared/queues.js';
import { type StepBatch, settleSteps } from './steps.js';

/**
 * Gives briefs the jobs that move them on, by where the ledger says that they are. One in doubt is asked about beside the
 * running tasks: behind submissions that wait for credits or for a cap, what was paid for it already would never be
 * collected.
 * @param left what becomes of what Redis has kept of a job that is in no list any more, and would never run
 */
export async function addJobs(
  { ledger, queues }: StepBatch,
  states: Iterable<readonly [string, BriefState]>,
  left: 'stays' | 'goes' = 'stays',
): Promise<void> {
  const jobs: Record<QueueName, NewJob[]> = { submit: [], status: [], collect: [], waiting: [] };
  const steps: string[] = [];
  for (const [brief, { stage, attempt }] of states) {
    const queue = queueOf[stage];
    if (queue === null) continue;
    if (stage === 'waiting') steps.push(brief);
    // Two sends of one key must not be under way at once (S1): a job that is there already will do it.
    if (stage === 'submitting' && (await queues.has('submit', brief, attempt))) continue;
    const job = { brief, attempt, delayMs: 0 };
    if (left === 'goes') await queues.addAnew(queue, job);
    else jobs[queue].push(job);
  }
  for (const queue of queueNames) if (jobs[queue].length > 0) await queues.add(queue, jobs[queue]);
  await settleSteps({ ledger, queues }, steps);
}

/** Whatever is pending has a job, unless it was lost: by what the ledger has, each gets one that has none (S3, S4). */
export async function addMissingJobs(batch: StepBatch): Promise<void> {
  for await (const briefs of batch.ledger.scan()) {
    const states = briefs.map(({ id, read }) => [id, read.state] as const);
    await addJobs(batch, states, 'goes');
  }
}
