import { type Answer, errorAnswer } from './answer.js';
import { describeTask } from './describe-task.js';
import type { FaultSubject } from './faults/fault-rules.js';
import type { SimulatedApi } from './simulated-api.js';
import type { SimulatedTask } from './task.js';

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
  if (!task || now < task.createdAt + task.fate.hiddenForMs) return notFound(api, taskId);
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
