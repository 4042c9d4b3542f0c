import { type Answer, errorAnswer, isLastingRefusal, isSuccess } from './answer.js';
import { priceOf } from './bill.js';
import {
  checkSubmission,
  knowsUploads,
  referenceGone,
  type Submission,
} from './check-submission.js';
import type { FaultsByPoint } from './faults/fault.js';
import type { FaultSubject } from './faults/fault-rules.js';
import { makeStillbornTask, makeTask, type Submitter } from './make-task.js';
import { describeSubmitted } from './read-generation.js';
import type { SimulatedApi } from './simulated-api.js';

export interface SubmitRequest extends Submitter {
  /** As received, byte for byte. */
  text: string;
  /** Parsed; undefined where the text is no JSON. */
  body: unknown;
}

/** One POST /generations after the gate: its faults, then a replay or a new task. */
export function submitGeneration(
  api: SimulatedApi,
  request: SubmitRequest,
  subject: FaultSubject,
): Answer {
  const fault = api.faults.draw('submit', subject);
  const error = () => refuse(api, 500, ['internal_error', 'Something went wrong.']);
  switch (fault?.kind) {
    case undefined:
      return replayOrAccept(api, request);
    case 'drop-before-accept':
      return { kind: 'dropped' };
    case 'gateway-before-accept':
      return gatewayPage();
    case 'error-before-accept':
      return error();
    case 'reference-refused':
      return refuse(api, 400, ['validation_failed', referenceGone]);
    case 'lose-answer-after-accept':
      return afterSuccess(replayOrAccept(api, request), () => ({ kind: 'dropped' }));
    case 'gateway-after-accept':
      return afterSuccess(replayOrAccept(api, request), gatewayPage);
    case 'error-after-accept':
      return afterSuccess(replayOrAccept(api, request), error);
    case 'status-after-accept':
      return afterSuccess(replayOrAccept(api, request), () => odd(api, fault));
    case 'late-answer': {
      const { delayMs } = fault;
      return { kind: 'late', delayMs, answer: replayOrAccept(api, request) };
    }
    default:
      return fault satisfies never;
  }
}

function odd(
  api: SimulatedApi,
  { status, body }: Extract<FaultsByPoint['submit'], { kind: 'status-after-accept' }>,
): Answer {
  if (body === 'page') return { kind: 'gateway-page', status };
  return refuse(api, status, ['never_seen_before', 'Said after the task was made.']);
}

function gatewayPage(): Answer {
  return { kind: 'gateway-page', status: 502 };
}

function afterSuccess(answer: Answer, instead: () => Answer): Answer {
  return isSuccess(answer) ? instead() : answer;
}

function replayOrAccept(api: SimulatedApi, request: SubmitRequest): Answer {
  const { idempotencyKey: key, text } = request;
  const { settings, history } = api;
  if (key === null) return accept(api, request);
  const oldestStoredAt = api.clock.now() - (settings.keyLifetimeMs ?? Number.POSITIVE_INFINITY);
  const lookup = history.idempotency.look(key, text, oldestStoredAt);
  switch (lookup.kind) {
    case 'new':
      return acceptAndKeep(api, request, key);
    case 'other-body':
      return conflict(api, 'This Idempotency-Key was used with a different request.');
    case 'same':
      history.replays += 1;
      if (!isSuccess(lookup.answer) || settings.idempotency === 'replay') return lookup.answer;
      if (settings.idempotency === 'bills-twice') return acceptAndKeep(api, request, key);
      return conflict(api, 'This Idempotency-Key was already used.');
    default:
      return lookup satisfies never;
  }
}

function acceptAndKeep(api: SimulatedApi, request: SubmitRequest, key: string): Answer {
  const answer = accept(api, request);
  if (isSuccess(answer) || (api.settings.replayRefusals && isLastingRefusal(answer))) {
    api.keep(key, request.text, answer);
  }
  return answer;
}

function accept(api: SimulatedApi, request: SubmitRequest): Answer {
  const { settings, catalogue } = api;
  if (request.body === undefined) return refuse(api, 400, ['validation_failed', 'body: no JSON.']);
  const { paramChecks } = settings;
  const check = checkSubmission(request.body, catalogue, paramChecks);
  if (check.kind === 'invalid') return refuse(api, 400, ['validation_failed', check.message]);
  if (!knowsUploads(api, check.submission)) {
    return refuse(api, 400, ['validation_failed', referenceGone]);
  }
  const { maxRunning } = settings;
  if (maxRunning !== null && api.history.tasks.running >= maxRunning) {
    return refuse(api, 429, ['rate_limited', `Too many generations are running (${maxRunning}).`]);
  }
  return charge(api, check.submission, request);
}

function charge(api: SimulatedApi, submission: Submission, request: SubmitRequest): Answer {
  const { settings, history } = api;
  const { apiKey, idempotencyKey } = request;
  const submitter = { apiKey, idempotencyKey };
  const credits = priceOf(submission.model, submission.params, settings);
  const covered = history.wallet.covers(credits);
  if (!covered && settings.insufficientCredits !== 'failed-task') {
    const words = ['insufficient_credits', 'The account does not have enough credits.'] as const;
    return refuse(api, Number(settings.insufficientCredits), words);
  }
  const task = covered
    ? makeTask(api, submission, { submitter, credits })
    : makeStillbornTask(api, submission, submitter);
  if (covered) history.tasks.add(task);
  else history.tasks.addStillborn(task);
  const body = describeSubmitted(task, covered ? 'queued' : 'failed');
  return { kind: 'json', status: settings.successStatus, body };
}

function conflict(api: SimulatedApi, message: string): Answer {
  return refuse(api, 409, ['idempotency_conflict', message]);
}

function refuse(
  api: SimulatedApi,
  status: number,
  [code, message]: readonly [string, string],
): Answer {
  return errorAnswer({ status, code, message, requestId: api.nextId('req') });
}
