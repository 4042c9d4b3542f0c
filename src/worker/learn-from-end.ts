import type { Task } from '../rivya/outcome.js';
import type { StateOf } from '../shared/ledger/brief-state.js';
import { modelOf } from '../shared/price-kind.js';
import { measureDuration } from './polling/measure-duration.js';
import { measureNotice } from './polling/measure-notice.js';
import { wasNeverPaid } from './settle-task.js';
import type { StageContext } from './stage-context.js';

interface FoundEnd {
  task: Task;
  clockAheadMs: number | null;
}

/**
 * A check has just found a task to be over: how long it took, and how late that was noticed.
 * A failed task teaches as much as one that succeeded: nobody knows beforehand which one it is that is waited for.
 * (Simulated: left out, they make the plan blind to whatever time limit the API ends hopeless tasks at.)
 */
export function learnFromEnd(
  { pollPlanner, notices, clock, log }: StageContext,
  state: StateOf<'accepted'>,
  { task, clockAheadMs }: FoundEnd,
): void {
  const { kind } = state;
  // What was never paid was never generated.
  if (kind === null || wasNeverPaid(task)) return;
  const nowMs = clock.now();
  const span = measureDuration(state, { lifeMs: task.lifeMs, nowMs });
  if (span !== null) pollPlanner.learn(kind, span);
  const noticeMs = measureNotice(state, { updatedAtMs: task.updatedAtMs, clockAheadMs, nowMs });
  if (noticeMs === null) return;
  notices.note([modelOf(kind)], noticeMs).catch((error: unknown) => {
    log.debug({ err: error, kind }, 'how late an end was noticed was not counted');
  });
}
