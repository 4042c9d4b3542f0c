import type { ReadState, StateOf } from '../../ledger/brief-state.js';
import { inFlightMember } from '../../ledger/keys.js';
import { moves } from '../../ledger/moves.js';
import type { ReadTaskOutcome, Refusal } from '../../rivya/outcome.js';
import type { LineError } from '../../shared/manifest-line.js';
import { longestTurnWaitMs } from '../pacing/pacer.js';
import { deadlineMs } from '../polling/guidance.js';
import { logAnswer } from './answers.js';
import { describeSubmission } from './permit.js';
import { holdSubmissions, noteTaken, refusedReadMs, settleRefusal } from './refusal.js';
import { learnFromEnd, nextCheckInMs, settleTask } from './settle.js';
import {
  endBrief,
  type StageContext,
  type StageJob,
  type Step,
  stepFor,
  stepWithoutContent,
} from './step.js';
import { submitBrief } from './submit.js';

type AcceptedBrief = ReadState<StateOf<'accepted'>>;

/** A 404 this soon after acceptance may be the API's own replication lag. */
const notFoundGraceMs = 60_000;
const keyRefusedLookMs = 30_000;
const troubleSpacingMs = 7_500;

/** The status stage: one look at the task; no slot is held between looks (S2), and it never gives up paid work (S3). */
export async function checkStatus(context: StageContext, job: StageJob): Promise<Step> {
  const read = await context.ledger.briefs.read(job.briefId);
  if (read?.state.stage === 'submitting' && read.state.attempt === job.attempt) {
    return askAgain(context, job);
  }
  if (read?.state.stage !== 'accepted' || read.state.attempt !== job.attempt) {
    return stepFor(read?.state ?? null);
  }
  const turn = await context.pacer.turn(inFlightMember(context.batch, job.briefId));
  if (turn.kind === 'too_far') return { kind: 'later', afterMs: turn.waitMs };
  const { attempt, taskId: task } = read.state;
  const outcome = await context.client.readTask(task);
  logAnswer(context.log, { endpoint: 'read', brief: job.briefId, attempt, task }, outcome);
  const isRunning = outcome.kind === 'read' && outcome.task.status.kind === 'running';
  const state = moves.lookedAt(read.state, isRunning ? context.clock.now() : null);
  // The count of checks is saved with whatever this check leads to: `text` is what stands in the ledger.
  const brief = { text: read.text, state };
  const step = await act(context, job.briefId, { brief, outcome });
  if (step.kind !== 'later') return step;
  const moved = await context.ledger.briefs.move(job.briefId, { from: brief, to: state });
  return moved.kind === 'passed' ? stepFor(moved.state) : step;
}

interface Checked {
  brief: AcceptedBrief;
  outcome: ReadTaskOutcome;
}

async function act(context: StageContext, briefId: string, checked: Checked): Promise<Step> {
  const { outcome, brief } = checked;
  switch (outcome.kind) {
    case 'read':
      await noteTaken(context, 'read', outcome.pace);
      if (outcome.task.status.kind !== 'running') {
        learnFromEnd(context, brief.state, outcome);
        return settleTask(context, briefId, { brief, task: outcome.task, trial: 'none' });
      }
      return stillRunning(context, briefId, brief);
    case 'refused': {
      const refusal = await settleRefusal(context, outcome.refusal);
      return actOnRefusal(context, briefId, { brief, refusal });
    }
    case 'unknown':
    case 'unreachable':
      // A read that got no answer is simply asked again.
      return { kind: 'later', afterMs: troubleSpacingMs * (1 + Math.random()) };
    default:
      return outcome satisfies never;
  }
}

async function stillRunning(
  context: StageContext,
  briefId: string,
  brief: AcceptedBrief,
): Promise<Step> {
  const { category, submittedAt } = brief.state;
  const ageMs = context.clock.now() - submittedAt;
  if (ageMs < deadlineMs(category)) {
    return { kind: 'later', afterMs: await nextCheckInMs(context, brief.state) };
  }
  const minutes = Math.round(ageMs / 60_000);
  return endUnknown(context, briefId, {
    brief,
    error: {
      code: 'task_overdue',
      message: `The task was still running after ${minutes} minutes; the next run of this batch looks at it again and pays for nothing.`,
      request_id: null,
    },
  });
}

async function actOnRefusal(
  context: StageContext,
  briefId: string,
  { brief, refusal }: { brief: AcceptedBrief; refusal: Refusal },
): Promise<Step> {
  const { code, message, requestId, retryAfterMs } = refusal;
  switch (refusal.kind) {
    case 'rate_limited':
    case 'too_many_running':
      return { kind: 'later', afterMs: await refusedReadMs(context, retryAfterMs) };
    case 'key_refused':
      await holdSubmissions(context, { kind: 'key_refused', code, message, requestId }, 'none');
      return { kind: 'later', afterMs: keyRefusedLookMs };
    case 'not_found':
      if (context.clock.now() - brief.state.submittedAt < notFoundGraceMs) {
        return { kind: 'later', afterMs: troubleSpacingMs };
      }
      return endUnknown(context, briefId, {
        brief,
        error: {
          code: 'task_not_found',
          message: `The API accepted this task and does not know it any more: ${message}`,
          request_id: requestId,
        },
      });
    case 'invalid':
    case 'unexplained':
      return refusedToSay(context, briefId, { brief, refusal });
    default:
      // Anything else says nothing about the task: it is paid for, so it is asked for again (S3).
      return { kind: 'later', afterMs: retryAfterMs ?? troubleSpacingMs * (1 + Math.random()) };
  }
}

/** Whatever the API has against the question, the task is paid for: asked for again until its deadline (S3). */
async function refusedToSay(
  context: StageContext,
  briefId: string,
  { brief, refusal }: { brief: AcceptedBrief; refusal: Refusal },
): Promise<Step> {
  const { message, requestId, retryAfterMs } = refusal;
  const ageMs = context.clock.now() - brief.state.submittedAt;
  if (ageMs < deadlineMs(brief.state.category)) {
    return { kind: 'later', afterMs: retryAfterMs ?? troubleSpacingMs * (1 + Math.random()) };
  }
  return endUnknown(context, briefId, {
    brief,
    error: {
      code: 'task_overdue',
      message: `The API would not say what became of the task (${message}); the next run of this batch asks again and pays for nothing.`,
      request_id: requestId,
    },
  });
}

async function endUnknown(
  context: StageContext,
  briefId: string,
  { brief, error }: { brief: AcceptedBrief; error: LineError },
): Promise<Step> {
  const end = { status: 'unknown', error, assets: [], urls: [] } as const;
  return endBrief(context, briefId, { from: brief, end });
}

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
