import type { Probe } from '../../ledger/brief-ledger.js';
import type { StateOf } from '../../ledger/brief-state.js';
import { moves } from '../../ledger/moves.js';
import type { Task } from '../../rivya/outcome.js';
import type { QueueStage } from '../../shared/queue-names.js';
import { collectAtOnce } from './collect.js';
import { holdAll } from './refusal.js';
import {
  type BriefInHand,
  endBrief,
  noSeat,
  type StageContext,
  type StageJob,
  type Step,
  stepFor,
  takeUp,
} from './step.js';

/** A brief whose task the API has taken, so that it is paid for (S3). */
export type AcceptedBrief = BriefInHand<StateOf<'accepted'>>;

/**
 * A task is over: its files are fetched next, or its line says why there are none.
 * @param task in a terminal status
 * @param probe what its submission found out for all, where this is its very answer
 * @param lagMs since it ended; null where nobody can say
 */
export async function settleTask(
  context: StageContext,
  brief: AcceptedBrief,
  task: Task,
  probe: Probe,
  lagMs: number | null = null,
): Promise<Step> {
  const completedAt = context.clock.now();
  const times = {
    completedAt,
    ...(lagMs !== null && { endedAt: completedAt - Math.round(lagMs) }),
  };
  const { reservedCredits: reserved, finalCredits: final, urls } = task;
  if (task.status.kind === 'succeeded') {
    const to = moves.succeeded(brief.state, { reserved, final, ...times });
    const moved = await context.ledger.briefs.move(brief.id, { from: brief, to });
    if (moved.kind === 'passed') return stepFor(moved.state);
    const ready = { ...brief, ...moved.brief, job: { ...brief.job, urls } };
    return collectAtOnce(context, ready);
  }
  if (wasNeverPaid(task)) return submitAgain(context, brief, probe);
  const error = {
    code: task.error?.code ?? 'generation_failed',
    message: task.error?.message ?? 'The API reported a failed task without a reason.',
    request_id: null,
  };
  return endBrief(context, brief, { status: 'failed', error, urls, final, ...times });
}

/** Too few credits may show as a task that failed before it was charged (documented): not the brief's fault. */
export function wasNeverPaid(task: Task): boolean {
  return (
    task.status.kind === 'failed' &&
    task.error?.code === 'insufficient_credits' &&
    (task.finalCredits ?? 0) === 0
  );
}

/** The task is over and was not charged, so a new attempt pays for nothing twice (S1). */
async function submitAgain(
  context: StageContext,
  brief: AcceptedBrief,
  probe: Probe,
): Promise<Step> {
  const waitMs = await holdAll(context, { kind: 'credits' }, 'submit', probe);
  const to = moves.neverPaid(brief.state);
  const moved = await context.ledger.briefs.move(brief.id, { from: brief, to });
  if (moved.kind === 'passed') return stepFor(moved.state);
  return { kind: 'next', stage: 'submit', attempt: to.attempt, delayMs: waitMs };
}

/** How long a task that was just accepted, or just seen running, is left alone, in ms. */
export function nextCheckInMs(
  { pollPlanner, pacer, clock, briefsLeft }: StageContext,
  { kind, category, submittedAt, checks }: StateOf<'accepted'>,
): Promise<number> {
  const ageMs = Math.max(0, clock.now() - submittedAt);
  const { pressure, ahead } = pacer.load(briefsLeft());
  return pollPlanner.nextCheckInMs({ kind, category, ageMs, checks, pressure, ahead });
}

/** For how long the check of a task that was not hinted at may still be left, in ms; 0 where it is to be made now. */
export function putOffMs(
  { pollPlanner, pacer, clock, briefsLeft }: StageContext,
  { kind, category, submittedAt, runningAt, checks }: StateOf<'accepted'>,
): Promise<number> {
  const ageMs = Math.max(0, (runningAt ?? submittedAt) - submittedAt);
  const { pressure, ahead } = pacer.load(briefsLeft());
  const task = { kind, category, ageMs, checks, pressure, ahead };
  return pollPlanner.putOffMs(task, Math.max(ageMs, clock.now() - submittedAt));
}

/** A job that failed over and over still ends in a line (S4): `unknown` wherever it may have been paid. */
export async function giveUpBrief(
  context: StageContext,
  stage: QueueStage,
  job: StageJob,
  reason: string,
): Promise<Step> {
  const taken = await takeUp(context, job, noSeat);
  if (taken.kind === 'elsewhere') return taken.step;
  const { brief } = taken;
  const { state } = brief;
  const step = stepFor(state);
  // What failed is the way of a brief that is further on: paid work is looked after there (S3).
  if (step.kind !== 'next' || step.stage !== stage) return step;
  const neverSent = state.stage === 'waiting' || (state.stage === 'admitted' && state.sends === 0);
  const message = `The ${stage} step failed over and over: ${reason}`;
  return endBrief(context, brief, {
    status: neverSent ? 'failed' : 'unknown',
    error: { code: 'internal_error', message, request_id: null },
  });
}
