import { describeSubmission } from './describe-submission.js';
import { longestTurnWaitMs } from './pacer.js';
import type { StageContext } from './stage-context.js';
import { type StageJob, type Step, stepFor, stepWithoutContent } from './stage-step.js';
import { submitBrief } from './submit.js';

const lookAgainMs = 5_000;

/**
 * Sends a submission of unknown outcome again, with the same key and bytes (S1). It belongs to the status
 * stage: its task may be running, so it is watched like one, and a paused batch does not leave it in doubt.
 */
export async function askAgain(context: StageContext, job: StageJob): Promise<Step> {
  const { ledger, defaultInFlight, createdAt } = context;
  const content = await ledger.briefs.readContent(job.briefId);
  if (content === null) {
    return stepWithoutContent((await ledger.briefs.read(job.briefId))?.state ?? null);
  }
  const permit = await ledger.briefs.beginSubmit(describeSubmission(context, job, content), {
    longestWaitMs: longestTurnWaitMs,
    defaultInFlight,
    createdAt,
  });
  switch (permit.kind) {
    case 'go': {
      const step = await submitBrief(context, job, { ...permit, content });
      return step.kind === 'hold' || step.kind === 'later' ? leaveHold(context, job) : step;
    }
    case 'wait':
      return { kind: 'later', afterMs: Math.max(permit.waitMs, 100) };
    case 'halted':
    case 'stopped':
      return { kind: 'later', afterMs: lookAgainMs };
    case 'passed':
      return stepFor(permit.state);
    default:
      return permit satisfies never;
  }
}

/** Holds are for the submit queue: a brief that was refused now goes back there, one still in doubt stays. */
async function leaveHold(context: StageContext, job: StageJob): Promise<Step> {
  const read = await context.ledger.briefs.read(job.briefId);
  if (read?.state.stage === 'submitting') return { kind: 'later', afterMs: lookAgainMs };
  return stepFor(read?.state ?? null);
}
