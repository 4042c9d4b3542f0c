import type { ManifestLine } from '../shared/manifest-line.js';
import { completeForSure, draftReopening, type Reopener, reopen } from './reopen-lines.js';

/** Their tasks are paid for, and may be over, or have files that can be fetched, by now. */
const worthAnotherLook = new Set(['task_overdue', 'download_unavailable']);

/**
 * Opens briefs whose task was given up for the time being: the next run looks at them again and pays for
 * nothing (S3). Safe to repeat, and beside others who do the same.
 * @returns how many were opened
 */
export async function reopenOverdue(reopener: Reopener): Promise<number> {
  await completeForSure(reopener);
  const draft = await draftReopening(reopener, isWorthAnotherLook);
  const count = draft.groups.reduce((sum, group) => sum + group.count, 0);
  if (count === 0) return 0;
  return (await reopen(reopener, draft, 'keep')) === 'reopened' ? count : 0;
}

function isWorthAnotherLook({ status, task_id: taskId, error }: ManifestLine): boolean {
  return status === 'unknown' && taskId !== null && worthAnotherLook.has(error?.code ?? '');
}
