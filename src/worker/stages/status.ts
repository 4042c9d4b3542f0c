import { inFlightMember } from '../../ledger/keys.js';
import { moves } from '../../ledger/moves.js';
import type { ReadTaskOutcome, Refusal } from '../../rivya/outcome.js';
import { modelOf } from '../../shared/brief.js';
import { measureDuration, measureLag } from '../polling/durations.js';
import { deadlineMs } from '../polling/guidance.js';
import { logAnswer } from './answers.js';
import { explainRefusal, holdForRead, meaningOf, noteTaken } from './refusal.js';
import { type AcceptedBrief, nextCheckInMs, putOffMs, settleTask, wasNeverPaid } from './settle.js';
import { endBrief, type StageContext, type Step, stepFor } from './step.js';

type TaskRead = Extract<ReadTaskOutcome, { kind: 'read' }>;

/** A 404 this soon after acceptance may be the API's own replication lag. */
const notFoundGraceMs = 60_000;
const troubleSpacingMs = 7_500;

/** The status stage: one look at the task; no slot is held between looks (S2), and it never gives up paid work (S3). */
export async function checkStatus(context: StageContext, brief: AcceptedBrief): Promise<Step> {
  const { batch, pacer, client, clock, log, ledger } = context;
  const leftMs = brief.job.hinted ? 0 : await putOffMs(context, brief.state);
  if (leftMs > 0) return { kind: 'later', afterMs: leftMs };
  const turn = await pacer.turn(inFlightMember(batch, brief.id), brief.seat.passOn);
  if (turn.kind === 'too_far') return { kind: 'hold', of: 'all', waitMs: turn.waitMs };
  const { attempt, taskId: task } = brief.state;
  const outcome = await client.readTask(task);
  logAnswer(log, { endpoint: 'status', brief: brief.id, attempt, task }, outcome);
  await noteTaken(context, 'status', outcome);
  const isRunning = outcome.kind === 'read' && outcome.task.status.kind === 'running';
  const to = moves.lookedAt(brief.state, isRunning ? clock.now() : null);
  // The count of checks is saved with whatever this check leads to: `text` is what stands in the ledger.
  const step = await act(context, { ...brief, state: to }, outcome);
  if (step.kind !== 'later') return step;
  const moved = await ledger.briefs.move(brief.id, { from: brief, to });
  return moved.kind === 'passed' ? stepFor(moved.state) : step;
}

async function act(
  context: StageContext,
  brief: AcceptedBrief,
  outcome: ReadTaskOutcome,
): Promise<Step> {
  switch (outcome.kind) {
    case 'read':
      if (outcome.task.status.kind === 'running') return stillRunning(context, brief);
      return settleTask(
        context,
        brief,
        outcome.task,
        'none',
        learnFromEnd(context, brief, outcome),
      );
    case 'refused':
      return actOnRefusal(context, brief, await explainRefusal(context, outcome.refusal));
    case 'unknown':
    case 'unreachable':
      // A read that got no answer is simply asked again.
      return { kind: 'later', afterMs: spacedMs(null) };
    default:
      return outcome satisfies never;
  }
}

async function stillRunning(context: StageContext, brief: AcceptedBrief): Promise<Step> {
  const ageMs = ageOf(context, brief);
  if (ageMs < deadlineMs(brief.state.category)) {
    return { kind: 'later', afterMs: await nextCheckInMs(context, brief.state) };
  }
  const minutes = Math.round(ageMs / 60_000);
  const message = `The task was still running after ${minutes} minutes; the next run of this batch checks it again, which costs nothing.`;
  return endUnknown(context, brief, 'task_overdue', message);
}

/** Whatever the API has against the question, the task is paid for: asked for again until its deadline (S3). */
async function actOnRefusal(
  context: StageContext,
  brief: AcceptedBrief,
  refusal: Refusal,
): Promise<Step> {
  const { message, requestId, retryAfterMs } = refusal;
  const ageMs = ageOf(context, brief);
  const meaning = meaningOf(refusal, 'status');
  switch (meaning) {
    case 'pace':
    case 'key':
      return { kind: 'later', afterMs: await holdForRead(context, meaning, refusal) };
    case 'wait':
      return { kind: 'later', afterMs: spacedMs(retryAfterMs) };
    case 'later': {
      if (ageMs < deadlineMs(brief.state.category)) {
        return { kind: 'later', afterMs: spacedMs(retryAfterMs) };
      }
      const words = `The API would not say what became of the task (${message}); the next run of this batch asks again, which costs nothing.`;
      return endUnknown(context, brief, 'task_overdue', words, requestId);
    }
    case 'gone': {
      if (ageMs < notFoundGraceMs) return { kind: 'later', afterMs: troubleSpacingMs };
      const words = `The API accepted this task and does not know it any more: ${message}`;
      return endUnknown(context, brief, 'task_not_found', words, requestId);
    }
    default:
      return meaning satisfies never;
  }
}

function ageOf({ clock }: StageContext, { state }: AcceptedBrief): number {
  return clock.now() - state.submittedAt;
}

function spacedMs(retryAfterMs: number | null): number {
  return retryAfterMs ?? troubleSpacingMs * (1 + Math.random());
}

/** It is paid, and nobody can say yet what became of it. */
function endUnknown(
  context: StageContext,
  brief: AcceptedBrief,
  code: 'task_overdue' | 'task_not_found',
  message: string,
  requestId: string | null = null,
): Promise<Step> {
  const error = { code, message, request_id: requestId };
  return endBrief(context, brief, { status: 'unknown', error });
}

/**
 * A check has just found a task to be over: how long it took, and how late that was noticed.
 * A failed task teaches as much as one that succeeded: nobody knows beforehand which one it is that is waited for.
 * (Simulated: left out, they make the plan blind to whatever time limit the API ends hopeless tasks at.)
 * @returns ms since its end; null where nobody can say
 */
function learnFromEnd(
  { batch, pollPlanner, notices, history, clock, log }: StageContext,
  { state, job }: AcceptedBrief,
  { task, clockAheadMs }: TaskRead,
): number | null {
  const { kind } = state;
  const nowMs = clock.now();
  const noticeMs = measureLag(state, task.updatedAtMs, clockAheadMs, nowMs);
  pollPlanner.noteEnd(job.hinted ? 'hint' : 'check', noticeMs);
  // What was never paid was never generated.
  if (kind === null || wasNeverPaid(task)) return noticeMs;
  const span = measureDuration(state, { lifeMs: task.lifeMs, nowMs });
  if (span !== null) pollPlanner.learn(kind, span);
  if (noticeMs === null) return null;
  history.note(batch, { noticed: 1, lateMs: noticeMs });
  notices.note([modelOf(kind)], noticeMs).catch((error: unknown) => {
    log.debug({ err: error, kind }, 'how late an end was noticed was not counted');
  });
  return noticeMs;
}
