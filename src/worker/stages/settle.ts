import type { Move, Trial } from '../../ledger/brief-ledger.js';
import type { ReadState, StateOf } from '../../ledger/brief-state.js';
import { moves } from '../../ledger/moves.js';
import type { Task } from '../../rivya/outcome.js';
import { modelOf, parseBody, parseContent } from '../../shared/brief.js';
import type { QueueStage } from '../../shared/queues.js';
import { watchedAs } from '../../shared/task-category.js';
import { measureDuration, measureNotice } from '../polling/durations.js';
import type { SubmitAction } from './decide-submit.js';
import type { Acting, Go } from './permit.js';
import { holdSubmissions } from './refusal.js';
import { endBrief, type StageContext, type StageJob, type Step, stepFor } from './step.js';

/** The API took it: its task id is saved before anything else, and watched from here on (S3). */
export async function acceptTask(
  context: StageContext,
  { job, go, action }: Acting & { action: Extract<SubmitAction, { kind: 'accept' }> },
): Promise<Step> {
  const model = parseBody(parseContent(go.content).body).model;
  const to = moves.accepted(go.brief.state, {
    taskId: action.task.id,
    reserved: action.task.reservedCredits,
    submittedAt: context.clock.now(),
    category: watchedAs(context.categoryOf(model)),
    kind: go.reserved.priceKind,
  });
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
  return { kind: 'next', stage: 'status', attempt: to.attempt, delayMs };
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
  const moved = await ledger.briefs.move(job.briefId, { from, to });
  if (moved.kind === 'moved' || moved.state?.stage !== 'submitting') return moved;
  const read = await ledger.briefs.read(job.briefId);
  const again = read?.state.stage === 'submitting' && read.state.attempt === job.attempt;
  return again ? ledger.briefs.move(job.briefId, { from: read, to }) : moved;
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
  return endBrief(context, briefId, { from: brief, end });
}

async function collectNext(
  context: StageContext,
  briefId: string,
  { brief, task }: Omit<Settling, 'trial'>,
): Promise<Step> {
  const to = moves.succeeded(brief.state, {
    reserved: task.reservedCredits,
    final: task.finalCredits,
    completedAt: context.clock.now(),
  });
  const moved = await context.ledger.briefs.move(briefId, { from: brief, to });
  if (moved.kind === 'passed') return stepFor(moved.state);
  const { attempt } = brief.state;
  return { kind: 'next', stage: 'collect', attempt, delayMs: 0, urls: task.urls };
}

/** Too few credits may show as a task that failed before it was charged (documented): not the brief's fault. */
function wasNeverPaid(task: Task): boolean {
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
  const waitMs = await holdSubmissions(context, { kind: 'no_credits' }, trial);
  const to = moves.neverPaid(brief.state);
  const moved = await context.ledger.briefs.move(briefId, { from: brief, to });
  if (moved.kind === 'passed') return stepFor(moved.state);
  return { kind: 'next', stage: 'submit', attempt: to.attempt, delayMs: waitMs };
}

interface FoundEnd {
  task: Task;
  clockAheadMs: number | null;
}

/**
 * A check has just found a task to be over: how long it took, and how late that was noticed.
 * A failed task teaches as much as one that succeeded: nobody knows beforehand which one it is that is waited for.
 * (Simulated: left out, they make the plan blind to whatever time limit the API ends hopeless tasks at.)
 */
export function learnFromEnd(
  { pollPlanner, notices, clock, log }: StageContext,
  state: StateOf<'accepted'>,
  { task, clockAheadMs }: FoundEnd,
): void {
  const { kind } = state;
  // What was never paid was never generated.
  if (kind === null || wasNeverPaid(task)) return;
  const nowMs = clock.now();
  const span = measureDuration(state, { lifeMs: task.lifeMs, nowMs });
  if (span !== null) pollPlanner.learn(kind, span);
  const noticeMs = measureNotice(state, { updatedAtMs: task.updatedAtMs, clockAheadMs, nowMs });
  if (noticeMs === null) return;
  notices.note([modelOf(kind)], noticeMs).catch((error: unknown) => {
    log.debug({ err: error, kind }, 'how late an end was noticed was not counted');
  });
}

/** How long a task that was just accepted, or just seen running, is left alone, in ms. */
export function nextCheckInMs(
  { pollPlanner, pacer, clock }: StageContext,
  { kind, category, submittedAt, checks }: StateOf<'accepted'>,
): Promise<number> {
  const ageMs = Math.max(0, clock.now() - submittedAt);
  return pollPlanner.nextCheckInMs({ kind, category, ageMs, checks, pressure: pacer.pressure() });
}

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
  return endBrief(context, job.briefId, {
    from: read,
    end: { status, error, assets: [], urls: [] },
  });
}
