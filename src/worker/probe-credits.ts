import type { Hold } from './decide-submit.js';
import type { StageContext } from './stage-context.js';

/**
 * Looks at the balance before the one trial submission of an account that was out of credits.
 * @returns why nothing is to be sent; null where the submission itself is to find out
 */
export async function probeCredits({ client, account }: StageContext): Promise<Hold | null> {
  const credits = await client.readCredits();
  if (credits.kind === 'read') {
    await account.records.noteWallet(credits.currentCredits);
    return credits.currentCredits > 0 ? null : { kind: 'no_credits' };
  }
  if (credits.kind !== 'refused' || credits.refusal.kind !== 'rate_limited') return null;
  return { kind: 'rate_limited', retryAfterMs: credits.refusal.retryAfterMs };
}
