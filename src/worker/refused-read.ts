import type { StageContext } from './stage-context.js';

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
