import type { SubmitOutcome } from '../rivya/outcome.js';
import { idempotencyKey } from '../shared/frozen-request.js';
import type { Move, SubmitPermit, Trial } from '../shared/ledger/batch-ledger.js';
import type { StateOf } from '../shared/ledger/brief-state.js';
import { parseBody, parseContent } from './brief-content.js';
import { decideSubmit, type SubmitAction } from './decide-submit.js';
import { finishBrief } from './finish-brief.js';
import { holdSubmissions } from './hold-submissions.js';
import { nextCheckInMs } from './next-check.js';
import { probeCredits } from './probe-credits.js';
import { settleTask, wasNeverPaid } from './settle-task.js';
import type { StageContext } from './stage-context.js';
import { type StageJob, type Step, stepFor } from './stage-step.js';

/** Leave to send one submission: its turn, its place in flight, its saved state. */
export type Go = Extract<SubmitPermit, { kind: 'go' }> & { content: string };

/** A process that was frozen for longer (a closed lid) has lost its turn, and its job to another. */
const permitLifeMs = 60_000;

/**
 * The submit stage, from the permit on: sends the brief's frozen request in its turn and acts on the answer.
 * Safe to repeat at any point: the state was saved before the send, and key and bytes never change (S1).
 */
export async function submitBrief(context: StageContext, job: StageJob, go: Go): Promise<Step> {
  const keyAgeMs = go.nowMs + go.waitMs - go.brief.state.firstSentAt;
  if (keyAgeMs >= context.keyLifeMs) return endInDoubt(context, job, go);
  const permittedAtMs = context.clock.now();
  if ((await context.pacer.keepTurn(go)) !== 'now') return giveUpTurn(context, job, go);
  if (go.trial === 'credits') {
    const turn = await context.pacer.turn();
    if (turn.kind === 'too_far') return unsent(context, job, { go, waitMs: turn.waitMs });
    const hold = await probeCredits(context.client);
    if (hold) {
      const waitMs = await holdSubmissions(context, hold, go.trial);
      return unsent(context, job, { go, waitMs });
    }
  }
  const frozenMs = context.clock.now() - permittedAtMs - go.waitMs;
  if (frozenMs > permitLifeMs) return giveUpTurn(context, job, go);
  const { body } = parseContent(go.content);
  const { batch, nonce } = context;
  const { briefId, attempt } = job;
  const key = idempotencyKey({ batch, briefId, attempt, body, nonce });
  await noteSend(context, job, go);
  const outcome = await context.client.submit({ idempotencyKey: key, body });
  await notePace(context, outcome);
  const { sends, refusalId } = go.brief.state;
  const { keyLifeMs } = context;
  const earlier = earlierSend(go);
  const action = decideSubmit({
    outcome,
    attempt,
    sends,
    earlier,
    refusalId,
    keyAgeMs,
    keyLifeMs,
  });
  return act(context, { job, go, action });
}

/** An earlier send of this key is open where the key's clock began before this turn. */
function earlierSend({ brief, nowMs, waitMs }: Go): 'open' | 'none' {
  return brief.state.firstSentAt < nowMs + waitMs ? 'open' : 'none';
}

/** Sent before, and so long ago that the API may have forgotten the key: another send might be paid again (S1). */
async function endInDoubt(context: StageContext, job: StageJob, go: Go): Promise<Step> {
  const error = {
    code: 'outcome_unknown',
    message:
      'It was sent, and the answer was lost; by now the API may have forgotten its key, so it is not sent again because it may have been paid.',
    request_id: null,
  };
  const end = { status: 'unknown', error, assets: [], urls: [] } as const;
  return finishBrief(context, job.briefId, { from: go.brief, end });
}

/** What a lost Redis must not take along: when the clock of this attempt's key began to run. */
async function noteSend({ journal }: StageContext, job: StageJob, go: Go): Promise<void> {
  const { firstSentAt, attempt } = go.brief.state;
  const { credits, priceKind: kind } = go.reserved;
  await journal?.note({ brief: job.briefId, attempt, sentAt: firstSentAt, credits, kind });
}

async function notePace(context: StageContext, outcome: SubmitOutcome): Promise<void> {
  if (outcome.kind !== 'accepted' && outcome.kind !== 'refused') return;
  if (outcome.kind === 'refused' && outcome.refusal.kind === 'rate_limited') return;
  await context.pacer.taken('submit', outcome.pace);
}

interface Acting {
  job: StageJob;
  go: Go;
  action: SubmitAction;
}

async function act(context: StageContext, { job, go, action }: Acting): Promise<Step> {
  switch (action.kind) {
    case 'accept':
      return accept(context, { job, go, action });
    case 'fail':
    case 'end_unknown': {
      const status = action.kind === 'fail' ? 'failed' : 'unknown';
      const end = { status, error: action.error, assets: [], urls: [] } as const;
      return finishBrief(context, job.briefId, { from: go.brief, end });
    }
    case 'ask_again':
      context.notify({
        kind: 'outcome_unknown',
        briefId: job.briefId,
        reason: action.reason,
      });
      // From here on it is watched beside the running tasks: behind a backlog of submissions that wait for
      // its place in flight, it would never come to its turn.
      return { kind: 'next', stage: 'status', attempt: job.attempt, delayMs: action.afterMs };
    case 'give_back': {
      const waitMs = await holdSubmissions(context, action.hold, go.trial);
      return giveBack(context, { job, go, action }, waitMs);
    }
    case 'keep_open':
      return { kind: 'hold', waitMs: await holdSubmissions(context, action.hold, go.trial) };
    default:
      return action satisfies never;
  }
}

async function accept(
  context: StageContext,
  { job, go, action }: Acting & { action: Extract<SubmitAction, { kind: 'accept' }> },
): Promise<Step> {
  const { attempt, fingerprint, seq, admittedAt, sends } = go.brief.state;
  const model = parseBody(parseContent(go.content).body).model;
  const to: StateOf<'accepted'> = {
    stage: 'accepted',
    attempt,
    fingerprint,
    seq,
    admittedAt,
    sends,
    taskId: action.task.id,
    reserved: action.task.reservedCredits,
    submittedAt: context.clock.now(),
    category: context.categoryOf(model),
    checks: 0,
    kind: go.reserved.priceKind,
    runningAt: null,
  };
  const moved = await saveAccepted(context, job, { from: go.brief, to });
  if (moved.kind === 'passed') return stepFor(moved.state);
  if (!wasNeverPaid(action.task)) await liftHolds(context, go.trial);
  if (action.task.status.kind !== 'running') {
    const { trial } = go;
    return settleTask(context, job.briefId, { brief: moved.brief, task: action.task, trial });
  }
  const delayMs = await nextCheckInMs(context, to);
  return { kind: 'next', stage: 'status', attempt, delayMs };
}

/** Saves the task id; another send of the same key may have been counted meanwhile, which changes nothing of it. */
async function saveAccepted(
  { ledger }: StageContext,
  job: StageJob,
  { from, to }: { from: Go['brief']; to: StateOf<'accepted'> },
): Promise<Move<StateOf<'accepted'>>> {
  const moved = await ledger.accept(job.briefId, { from, to });
  if (moved.kind === 'moved' || moved.state?.stage !== 'submitting') return moved;
  const read = await ledger.read(job.briefId);
  const again = read?.state.stage === 'submitting' && read.state.attempt === job.attempt;
  return again ? ledger.accept(job.briefId, { from: read, to }) : moved;
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

async function giveBack(
  context: StageContext,
  { job, go, action }: Acting & { action: Extract<SubmitAction, { kind: 'give_back' }> },
  waitMs: number,
): Promise<Step> {
  const { firstSentAt: _sent, ...rest } = go.brief.state;
  const to: StateOf<'admitted'> = {
    ...rest,
    stage: 'admitted',
    attempt: action.attempt,
    refusalId: action.refusalId,
  };
  const moved = await context.ledger.move(job.briefId, {
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

/** Stopping, frozen for too long, or taken back by a 429: it asks for another turn. */
async function giveUpTurn(context: StageContext, job: StageJob, go: Go): Promise<Step> {
  return unsent(context, job, { go, waitMs: 0 });
}

/** Takes back a send that was announced and did not happen. */
async function unsent(
  context: StageContext,
  job: StageJob,
  { go, waitMs }: { go: Go; waitMs: number },
): Promise<Step> {
  const { sends, firstSentAt: _sent, ...rest } = go.brief.state;
  // While an earlier send is open, the brief stays `submitting` and keeps its place in flight.
  if (earlierSend(go) === 'open') return { kind: 'hold', waitMs };
  const to: StateOf<'admitted'> = { ...rest, stage: 'admitted', sends: sends - 1 };
  const moved = await context.ledger.move(job.briefId, { from: go.brief, to, holds: 'nothing' });
  return moved.kind === 'passed' ? stepFor(moved.state) : { kind: 'hold', waitMs };
}
