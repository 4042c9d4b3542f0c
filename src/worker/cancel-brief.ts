import type { ReadState } from '../shared/ledger/brief-state.js';
import type { LineError } from '../shared/manifest-line.js';
import { type FinishContext, finishBrief } from './finish-brief.js';
import { abandonedCode } from './plan-reopening.js';
import type { Step } from './stage-step.js';

/** What a cancelled batch does with briefs that are under way: collect them (S3), or leave them behind. */
export type CancelMode = 'collect' | 'abandon';

/**
 * The line of a brief that its batch's cancelling ends; null for one that goes on to its own end.
 * One that was never sent, or only refused, costs nothing.
 */
export async function cancelBrief(
  context: FinishContext,
  briefId: string,
  { from, mode }: { from: ReadState; mode: CancelMode },
): Promise<Step | null> {
  const error = errorFor(from, mode);
  if (error === null) return null;
  const end = { status: 'cancelled', error, assets: [], urls: [] } as const;
  return finishBrief(context, briefId, { from, end });
}

function errorFor({ state }: ReadState, mode: CancelMode): LineError | null {
  switch (state.stage) {
    case 'admitted':
      return {
        code: 'cancelled',
        message: 'The batch was cancelled before this brief was submitted; nothing was charged.',
        request_id: null,
      };
    case 'submitting':
      return mode === 'abandon'
        ? abandoned('It was sent, and whether the API took it was not known yet')
        : null;
    case 'accepted':
    case 'ready':
      return mode === 'abandon' ? abandoned('Its task was paid for') : null;
    case 'lined':
      return null;
    default:
      return state satisfies never;
  }
}

function abandoned(before: string): LineError {
  return {
    code: abandonedCode,
    message: `${before}; the batch was cancelled and its result is not waited for.`,
    request_id: null,
  };
}
