import type { Task } from '../rivya/outcome.js';
import type { ReadState, StateOf } from '../shared/ledger/brief-state.js';
import type { Trial } from '../shared/ledger/submit-permit.js';
import { finishBrief } from './finish-brief.js';
import { holdSubmissions } from './hold-submissions.js';
import type { StageContext } from './stage-context.js';
import { type Step, stepFor } from './stage-step.js';

export interface Settling {
  brief: ReadState<StateOf<'accepted'>>;
  /** In a terminal status. */
  task: Task;
  /** What its submission found out for all, where this is its very answer. */
  trial: Trial;
}

/** A task is over: its files are fetched next, or its line says why there are none. */
export async function settleTask(
  context: StageContext,
  briefId: string,
  { brief, task, trial }: Settling,
): Promise<Step> {
  if (task.status.kind === 'succeeded') return collectNext(context, briefId, { brief, task });
  if (wasNeverPaid(task)) return submitAgain(context, briefId, { brief, trial });
  const error = {
    code: task.error?.code ?? 'generation_failed',
    message: task.error?.message ?? 'The API reported a failed task without a reason.',
    request_id: null,
  };
  const end = {
    status: 'failed',
    error,
    assets: [],
    urls: task.urls,
    final: task.finalCredits,
    completedAt: context.clock.now(),
  } as const;
  return finishBrief(context, briefId, { from: brief, end });
}

async function collectNext(
  context: StageContext,
  briefId: string,
  { brief, task }: Omit<Settling, 'trial'>,
): Promise<Step> {
  const to: StateOf<'ready'> = {
    ...brief.state,
    stage: 'ready',
    reserved: task.reservedCredits ?? brief.state.reserved,
    final: task.finalCredits,
    completedAt: context.clock.now(),
  };
  const moved = await context.ledger.briefs.move(briefId, { from: brief, to, holds: 'credits' });
  if (moved.kind === 'passed') return stepFor(moved.state);
  const { attempt } = brief.state;
  return { kind: 'next', stage: 'collect', attempt, delayMs: 0, urls: task.urls };
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
  briefId: string,
  { brief, trial }: Omit<Settling, 'task'>,
): Promise<Step> {
  const { fingerprint, seq, admittedAt, sends, attempt, run } = brief.state;
  const waitMs = await holdSubmissions(context, { kind: 'no_credits' }, trial);
  const to: StateOf<'admitted'> = {
    stage: 'admitted',
    attempt: attempt + 1,
    fingerprint,
    seq,
    admittedAt,
    sends,
    refusalId: null,
    run,
  };
  const moved = await context.ledger.briefs.move(briefId, { from: brief, to, holds: 'nothing' });
  if (moved.kind === 'passed') return stepFor(moved.state);
  return { kind: 'next', stage: 'submit', attempt: attempt + 1, delayMs: waitMs };
}
