import type { QueueStage } from '../shared/queues.js';
import { finishBrief } from './finish-brief.js';
import type { StageContext } from './stage-context.js';
import type { StageJob } from './stage-step.js';

/** A job that failed over and over still ends in a line (S4): `unknown` wherever it may have been paid. */
export async function giveUpBrief(
  context: StageContext,
  job: StageJob,
  { stage, reason }: { stage: QueueStage; reason: string },
): Promise<void> {
  const read = await context.ledger.read(job.briefId);
  if (!read || read.state.stage === 'lined' || read.state.attempt !== job.attempt) return;
  const neverSent = read.state.stage === 'admitted' && read.state.sends === 0;
  const error = {
    code: 'internal_error',
    message: `The ${stage} step failed over and over: ${reason}`,
    request_id: null,
  };
  const status = neverSent ? 'failed' : 'unknown';
  await finishBrief(context, job.briefId, {
    from: read,
    end: { status, error, assets: [], urls: [] },
  });
}
