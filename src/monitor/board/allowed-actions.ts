import type { BoardHooks } from '@bull-board/api/dist/types.js';

/** Whether Bull Board may change anything. */
export type Actions = 'read_only' | 'allowed';

/**
 * What may be done to a queue without breaking the sums (S4): a job that is removed, emptied or edited away would
 * leave its brief without a line for ever. To stop a batch there is `rivya-batch cancel`.
 */
const harmless: ReadonlySet<string> = new Set([
  '/api/queues/pause',
  '/api/queues/resume',
  '/api/queues/:queueName/pause',
  '/api/queues/:queueName/resume',
  '/api/queues/:queueName/promote',
  '/api/queues/:queueName/retry/:queueStatus',
  '/api/queues/:queueName/:jobId/promote',
  '/api/queues/:queueName/:jobId/retry',
]);

function judgeAction(
  { method, route }: { method: string; route: string },
  actions: Actions,
): { allow: true } | { allow: false; message: string } {
  if (method === 'get') return { allow: true };
  if (actions === 'read_only') {
    return { allow: false, message: 'The monitor is read-only: start it with --allow-actions.' };
  }
  if (harmless.has(route)) return { allow: true };
  return {
    allow: false,
    message: 'This would leave briefs without a line: use "rivya-batch cancel" or "retry" instead.',
  };
}

export function boardHooks(actions: Actions): BoardHooks {
  return {
    before: async (context) => {
      const judged = judgeAction(context, actions);
      return judged.allow ? { allow: true } : { ...judged, status: 403 };
    },
  };
}
