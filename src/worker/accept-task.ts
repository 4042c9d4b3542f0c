import { parseBody, parseContent } from '../shared/brief-content.js';
import type { Move } from '../shared/ledger/brief-ledger.js';
import { type StateOf, watchedAs } from '../shared/ledger/brief-state.js';
import type { Trial } from '../shared/ledger/submit-permit.js';
import type { SubmitAction } from './decide-submit.js';
import { nextCheckInMs } from './next-check.js';
import { settleTask, wasNeverPaid } from './settle-task.js';
import type { StageContext } from './stage-context.js';
import { type StageJob, type Step, stepFor } from './stage-step.js';
import type { Acting, Go } from './submission.js';

/** The API took it: its task id is saved before anything else, and watched from here on (S3). */
export async function acceptTask(
  context: StageContext,
  { job, go, action }: Acting & { action: Extract<SubmitAction, { kind: 'accept' }> },
): Promise<Step> {
  const { attempt, fingerprint, seq, admittedAt, sends, run } = go.brief.state;
  const model = parseBody(parseContent(go.content).body).model;
  const to: StateOf<'accepted'> = {
    stage: 'accepted',
    attempt,
    fingerprint,
    seq,
    admittedAt,
    run,
    sends,
    taskId: action.task.id,
    reserved: action.task.reservedCredits,
    submittedAt: context.clock.now(),
    category: watchedAs(context.categoryOf(model)),
    checks: 0,
    kind: go.reserved.priceKind,
    runningAt: null,
  };
  const moved = await saveAccepted(context, job, { from: go.brief, to });
  // Where Redis has lost the brief meanwhile, its folder is what knows of the task.
  if (moved.kind === 'moved' || moved.state === null) await noteTask(context, job, to);
  if (moved.kind === 'passed') return stepFor(moved.state);
  if (!wasNeverPaid(action.task)) await liftHolds(context, go.trial);
  if (action.task.status.kind !== 'running') {
    const { trial } = go;
    return settleTask(context, job.briefId, { brief: moved.brief, task: action.task, trial });
  }
  const delayMs = await nextCheckInMs(context, to);
  return { kind: 'next', stage: 'status', attempt, delayMs };
}

/** So that it can be looked at, however old its key is, where Redis loses it. One that is not noted is asked about by its key. */
async function noteTask(
  { journal, notify }: StageContext,
  { briefId: brief, attempt }: StageJob,
  { taskId: task, submittedAt: at, category, reserved }: StateOf<'accepted'>,
): Promise<void> {
  await journal?.note({ brief, attempt, task, at, category, reserved }).catch((error: Error) => {
    notify({ kind: 'output_trouble', reason: error.message });
  });
}

/** Saves the task id; another send of the same key may have been counted meanwhile, which changes nothing of it. */
async function saveAccepted(
  { ledger }: StageContext,
  job: StageJob,
  { from, to }: { from: Go['brief']; to: StateOf<'accepted'> },
): Promise<Move<StateOf<'accepted'>>> {
  const moved = await ledger.briefs.accept(job.briefId, { from, to });
  if (moved.kind === 'moved' || moved.state?.stage !== 'submitting') return moved;
  const read = await ledger.briefs.read(job.briefId);
  const again = read?.state.stage === 'submitting' && read.state.attempt === job.attempt;
  return again ? ledger.briefs.accept(job.briefId, { from: read, to }) : moved;
}

/** What this submission found out holds for all. */
async function liftHolds(context: StageContext, trial: Trial): Promise<void> {
  switch (trial) {
    case 'credits':
      await context.account.unpark();
      context.notify({ kind: 'credits_back' });
      return;
    case 'recovery':
      return context.account.noteUp();
    case 'none':
      return;
    default:
      return trial satisfies never;
  }
}
