import type { QueueStage } from '../shared/queues.js';
import { finishBrief } from './finish-brief.js';
import type { StageContext } from './stage-context.js';
import { type StageJob, type Step, stepFor } from './stage-step.js';

/** A job that failed over and over still ends in a line (S4): `unknown` wherever it may have been paid. */
export async function giveUpBrief(
  context: StageContext,
  job: StageJob,
  { stage, reason }: { stage: QueueStage; reason: string },
): Promise<Step> {
  const read = await context.ledger.briefs.read(job.briefId);
  const step = stepFor(read?.state ?? null);
  // What failed is the way of a brief that is further on: paid work is looked after there (S3).
  const isHere = step.kind === 'next' && step.stage === stage && step.attempt === job.attempt;
  if (!read || !isHere) return step;
  const neverSent = read.state.stage === 'admitted' && read.state.sends === 0;
  const error = {
    code: 'internal_error',
    message: `The ${stage} step failed over and over: ${reason}`,
    request_id: null,
  };
  const status = neverSent ? 'failed' : 'unknown';
  return finishBrief(context, job.briefId, {
    from: read,
    end: { status, error, assets: [], urls: [] },
  });
}
