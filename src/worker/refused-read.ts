import type { PaceHint } from '../rivya/outcome.js';
import type { Lane } from '../shared/ledger/account-ledger.js';
import type { StageContext } from './stage-context.js';

/** A hold that is over sooner is the pace at work, and no news. */
const momentMs = 3_000;

/** A request was taken: the pace learns it, and a person hears of it where the headers hold everybody. */
export async function noteTaken(
  context: StageContext,
  lane: Lane,
  pace: PaceHint | null,
): Promise<void> {
  const waitMs = await context.pacer.taken(lane, pace);
  if (waitMs > momentMs) context.notify({ kind: 'used_up', waitMs });
}

/** A read was refused by the limit: the pace learns it, and the same is asked again after so many ms. */
export async function refusedReadMs(
  context: StageContext,
  retryAfterMs: number | null,
): Promise<number> {
  const waitMs = await context.pacer.refused('read', retryAfterMs);
  context.notify({ kind: 'throttled', waitMs });
  // Spread, so that all that were refused together do not come back together.
  return waitMs * (1 + 0.5 * Math.random());
}
