import { type Answer, errorAnswer, isLastingRefusal, isSuccess } from './answer.js';
import { referenceGone } from './check-submission.js';
import type { FaultsByPoint } from './faults/fault.js';
import type { FaultSubject } from './faults/fault-rules.js';
import type { Submitter } from './make-task.js';
import type { SimulatedApi } from './simulated-api.js';

export interface SubmitRequest extends Submitter {
  /** As received, byte for byte. */
  text: string;
  /** Parsed; undefined where the text is no JSON. */
  body: unknown;
}

/** What an endpoint makes of a request that is new to it. */
type Accept = (api: SimulatedApi, request: SubmitRequest) => Answer;

/** One POST that is paid for, after the gate: its faults, then a replay or what is made of it. */
export function takeSubmission(
  api: SimulatedApi,
  request: SubmitRequest,
  subject: FaultSubject,
  accept: Accept,
): Answer {
  const fault = api.faults.draw('submit', subject);
  const error = () => refuse(api, 500, ['internal_error', 'Something went wrong.']);
  const answer = () => replayOrAccept(api, request, accept);
  switch (fault?.kind) {
    case undefined:
      return answer();
    case 'drop-before-accept':
      return { kind: 'dropped' };
    case 'gateway-before-accept':
      return gatewayPage();
    case 'error-before-accept':
      return error();
    case 'reference-refused':
      return refuse(api, 400, ['validation_failed', referenceGone]);
    case 'lose-answer-after-accept':
      return afterSuccess(answer(), () => ({ kind: 'dropped' }));
    case 'gateway-after-accept':
      return afterSuccess(answer(), gatewayPage);
    case 'error-after-accept':
      return afterSuccess(answer(), error);
    case 'status-after-accept':
      return afterSuccess(answer(), () => odd(api, fault));
    case 'late-answer': {
      const { delayMs } = fault;
      return { kind: 'late', delayMs, answer: answer() };
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

function replayOrAccept(api: SimulatedApi, request: SubmitRequest, accept: Accept): Answer {
  const { idempotencyKey: key, text } = request;
  const { settings, history } = api;
  if (key === null) return accept(api, request);
  const oldestStoredAt = api.clock.now() - (settings.keyLifetimeMs ?? Number.POSITIVE_INFINITY);
  const lookup = history.idempotency.look(key, text, oldestStoredAt);
  switch (lookup.kind) {
    case 'new':
      return acceptAndKeep(api, request, key, accept);
    case 'other-body':
      return conflict(api, 'This Idempotency-Key was used with a different request.');
    case 'same':
      history.replays += 1;
      if (!isSuccess(lookup.answer) || settings.idempotency === 'replay') return lookup.answer;
      if (settings.idempotency === 'bills-twice') return acceptAndKeep(api, request, key, accept);
      return conflict(api, 'This Idempotency-Key was already used.');
    default:
      return lookup satisfies never;
  }
}

function acceptAndKeep(
  api: SimulatedApi,
  request: SubmitRequest,
  key: string,
  accept: Accept,
): Answer {
  const answer = accept(api, request);
  if (isSuccess(answer) || (api.settings.replayRefusals && isLastingRefusal(answer))) {
    api.keep(key, request.text, answer);
  }
  return answer;
}

function conflict(api: SimulatedApi, message: string): Answer {
  return refuse(api, 409, ['idempotency_conflict', message]);
}

export function refuse(
  api: SimulatedApi,
  status: number,
  [code, message]: readonly [string, string],
): Answer {
  return errorAnswer({ status, code, message, requestId: api.nextId('req') });
}
