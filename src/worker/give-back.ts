import type { StateOf } from '../shared/ledger/brief-state.js';
import type { SubmitAction } from './decide-submit.js';
import type { StageContext } from './stage-context.js';
import { type StageJob, type Step, stepFor } from './stage-step.js';
import type { Acting, Go } from './submission.js';

/** Refused and not charged: the brief is among the waiting again. */
export async function giveBack(
  context: StageContext,
  {
    job,
    go,
    action,
  }: Acting & {
    action: Extract<SubmitAction, { kind: 'give_back' | 'put_off' | 'renew_references' }>;
  },
  waitMs: number,
): Promise<Step> {
  const { firstSentAt: _sent, ...rest } = go.brief.state;
  const to: StateOf<'admitted'> = {
    ...rest,
    stage: 'admitted',
    attempt: action.attempt,
    refusalId: action.refusalId,
  };
  const moved = await context.ledger.briefs.move(job.briefId, {
    from: go.brief,
    to,
    holds: 'nothing',
  });
  if (moved.kind === 'passed') return stepFor(moved.state);
  if (action.attempt !== job.attempt) {
    return { kind: 'next', stage: 'submit', attempt: action.attempt, delayMs: waitMs };
  }
  return { kind: 'hold', waitMs };
}

/** Likewise, but it alone waits, and no slot or place in flight with it (S2). */
export async function putOff(
  context: StageContext,
  { job, go, action }: Acting & { action: Extract<SubmitAction, { kind: 'put_off' }> },
): Promise<Step> {
  const step = await giveBack(context, { job, go, action }, action.afterMs);
  if (step.kind !== 'hold') return step;
  return { kind: 'later', afterMs: action.afterMs, puttingsOff: (job.puttingsOff ?? 0) + 1 };
}

/** Stopping, frozen for too long, or taken back by a 429: it asks for another turn. */
export async function giveUpTurn(context: StageContext, job: StageJob, go: Go): Promise<Step> {
  return unsent(context, job, { go, waitMs: 0 });
}

/** Takes back a send that was announced and did not happen. */
export async function unsent(
  context: StageContext,
  job: StageJob,
  { go, waitMs }: { go: Go; waitMs: number },
): Promise<Step> {
  const { sends, firstSentAt: _sent, ...rest } = go.brief.state;
  // While an earlier send is open, the brief stays `submitting` and keeps its place in flight.
  if (go.earlier === 'open') return { kind: 'hold', waitMs };
  const to: StateOf<'admitted'> = { ...rest, stage: 'admitted', sends: sends - 1 };
  const moved = await context.ledger.briefs.move(job.briefId, {
    from: go.brief,
    to,
    holds: 'nothing',
  });
  return moved.kind === 'passed' ? stepFor(moved.state) : { kind: 'hold', waitMs };
}
