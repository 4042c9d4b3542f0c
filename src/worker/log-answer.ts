import type { Logger } from 'pino';
import type { ReadTaskOutcome, SubmitOutcome } from '../rivya/outcome.js';

interface Asked {
  endpoint: 'submit' | 'read';
  brief: string;
  attempt: number;
  /** Null before the API has named one. */
  task: string | null;
}

/** What the API answered, with every id by which somebody may look for it. */
export function logAnswer(
  log: Logger,
  asked: Asked,
  outcome: SubmitOutcome | ReadTaskOutcome,
): void {
  const { kind } = outcome;
  switch (kind) {
    case 'accepted':
    case 'read': {
      const { id: task, status } = outcome.task;
      log.debug({ ...asked, task, status: status.kind }, kind);
      return;
    }
    case 'refused': {
      const { code, httpStatus, requestId: request } = outcome.refusal;
      log.debug({ ...asked, code, httpStatus, request }, kind);
      return;
    }
    case 'unknown': {
      const { reason, httpStatus, requestId: request } = outcome;
      log.debug({ ...asked, reason, httpStatus, request }, kind);
      return;
    }
    case 'unreachable':
      log.debug({ ...asked, reason: outcome.reason }, kind);
      return;
    default:
      outcome satisfies never;
  }
}
