import type { Answer } from './answer.js';
import { priceOf } from './bill.js';
import {
  checkSubmission,
  knowsUploads,
  referenceGone,
  type Submission,
} from './check-submission.js';
import { announceEnd } from './deliver-event.js';
import { makeStillbornTask, makeTask } from './make-task.js';
import { describeSubmitted } from './read-generation.js';
import type { SimulatedApi } from './simulated-api.js';
import { refuse, type SubmitRequest } from './take-submission.js';

/** What a POST /generations that is new becomes: a task, and what is answered. */
export function acceptGeneration(api: SimulatedApi, request: SubmitRequest): Answer {
  const { settings, catalogue } = api;
  if (request.body === undefined) return refuse(api, 400, ['validation_failed', 'body: no JSON.']);
  const { paramChecks } = settings;
  const check = checkSubmission(request.body, catalogue, paramChecks);
  if (check.kind === 'invalid') return refuse(api, 400, ['validation_failed', check.message]);
  if (!knowsUploads(api, check.submission)) {
    return refuse(api, 400, ['validation_failed', referenceGone]);
  }
  return tooMany(api) ?? charge(api, check.submission, request);
}

/** Turns of chats count among the running as well. */
export function tooMany(api: SimulatedApi): Answer | null {
  const { maxRunning } = api.settings;
  if (maxRunning === null || api.history.tasks.running < maxRunning) return null;
  return refuse(api, 429, ['rate_limited', `Too many generations are running (${maxRunning}).`]);
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
  announceEnd(api, task);
  const body = describeSubmitted(task, covered ? 'queued' : 'failed');
  return { kind: 'json', status: settings.successStatus, body };
}
