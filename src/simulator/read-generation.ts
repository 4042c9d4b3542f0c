import { type Answer, errorAnswer } from './answer.js';
import type { FaultSubject } from './faults/fault-rules.js';
import { mediaPath } from './media/media-link.js';
import type { SimulatedApi } from './simulated-api.js';
import { phaseOf, type SimulatedTask } from './task-book.js';

export interface ReadRequest {
  taskId: string;
  task: SimulatedTask | undefined;
  /** What result URLs start with. */
  origin: string;
}

/** One GET /generations/:id after the gate. */
export function readGeneration(
  api: SimulatedApi,
  request: ReadRequest,
  subject: FaultSubject,
): Answer {
  const fault = api.faults.draw('read', subject);
  switch (fault?.kind) {
    case undefined:
      return answerRead(api, request);
    case 'drop-read':
      return { kind: 'dropped' };
    case 'gateway-read':
      return { kind: 'gateway-page', status: 502 };
    case 'error-read':
      return errorAnswer({
        status: 500,
        code: 'internal_error',
        message: 'Something went wrong.',
        requestId: api.nextId('req'),
      });
    case 'late-read':
      return { kind: 'late', delayMs: fault.delayMs, answer: answerRead(api, request) };
    default:
      return fault satisfies never;
  }
}

function answerRead(api: SimulatedApi, { task, taskId, origin }: ReadRequest): Answer {
  const now = api.clock.now();
  // What is said to be over has its price: it may have ended since the request came in.
  api.history.tasks.settleDue(now);
  const isTask = task !== undefined && task.reply === undefined;
  if (!isTask || now < task.createdAt + task.fate.hiddenForMs) return notFound(api, taskId);
  return { kind: 'json', status: 200, body: describeTask(api, task, { now, origin }) };
}

/** The documented answer for an id that does not exist or belongs to another account. */
export function notFound(api: SimulatedApi, what: string): Answer {
  return errorAnswer({
    status: 404,
    code: 'not_found',
    message: `Not found: ${what}.`,
    requestId: api.nextId('req'),
  });
}

/** The documented answer to a submission: `queued`, whatever the speed; `failed` for a stillborn task. */
export function describeSubmitted(
  task: SimulatedTask,
  status: 'queued' | 'failed',
): Record<string, unknown> {
  const error = status === 'failed' ? errorOf(task) : null;
  return { ...bodyOf(task, status, task.createdAt), result: null, error };
}

/** The documented task body as it is at `now`. Showing results gives out links, starting with `origin`; null for none. */
export function describeTask(
  api: SimulatedApi,
  task: SimulatedTask,
  { now, origin }: { now: number; origin: string | null },
): Record<string, unknown> {
  const status = statusWord(task, now);
  return {
    ...bodyOf(task, status, updatedAt(task, now)),
    result: status === 'succeeded' && origin !== null ? resultOf(api, task, { now, origin }) : null,
    error: status === 'failed' ? errorOf(task) : null,
  };
}

function bodyOf(task: SimulatedTask, status: string, updated: number): Record<string, unknown> {
  return {
    id: task.id,
    status,
    model: task.model,
    reserved_credits: task.reservedCredits,
    final_credits: task.finalCredits,
    created_at: new Date(task.createdAt).toISOString(),
    updated_at: new Date(updated).toISOString(),
    ...task.fate.extraFields,
  };
}

function statusWord({ fate, ...task }: SimulatedTask, now: number): string {
  const { strangeStatus, outcome } = fate;
  if (strangeStatus && now < task.createdAt + strangeStatus.forMs) return strangeStatus.word;
  const phase = phaseOf({ fate, ...task }, now);
  if (phase !== 'ended') return phase;
  return outcome.kind === 'fails' ? 'failed' : 'succeeded';
}

function updatedAt(task: SimulatedTask, now: number): number {
  const phase = phaseOf(task, now);
  switch (phase) {
    case 'queued':
      return task.createdAt;
    case 'processing':
      return task.processingAt;
    case 'ended':
      return task.endsAt;
    default:
      return phase satisfies never;
  }
}

function errorOf({ fate: { outcome } }: SimulatedTask): { code: string; message: string } | null {
  if (outcome.kind !== 'fails' || outcome.error === 'absent') return null;
  return { code: outcome.code, message: outcome.message };
}

function resultOf(
  api: SimulatedApi,
  task: SimulatedTask,
  { now, origin }: { now: number; origin: string },
): Record<string, unknown> | null {
  const { outcome, firstLinks, linksLateForMs } = task.fate;
  if (outcome.kind !== 'succeeds' || outcome.result === 'null') return null;
  const late = now < task.endsAt + linksLateForMs;
  if (late || outcome.result === 'empty-urls') return { primary_url: null, urls: [] };
  const lasting = api.settings.urlLifetimeMs === null && firstLinks === 'good';
  // Links that last are the same at every read; others are made anew.
  if (!lasting || task.linkSets === 0) task.linkSets += 1;
  const issuedAt = lasting ? task.endsAt : now;
  const urls = task.files.map(({ name: fileName }) => {
    const grant = { taskId: task.id, fileName, linkSet: task.linkSets, issuedAt };
    return `${origin}${mediaPath(grant, api.history.linkSecret)}`;
  });
  return { primary_url: urls[0] ?? null, urls };
}
