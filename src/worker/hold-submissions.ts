import type { Trial } from '../shared/ledger/submit-permit.js';
import type { Hold } from './decide-submit.js';
import type { StageContext } from './stage-context.js';

/** How soon a held worker looks again whether a refused key was replaced or the hold was lifted. */
const haltLookMs = 5_000;
/** Submissions find out by themselves when a place in flight is free: no longer than this. */
const placeLookMs = 1_000;

/**
 * Tells all workers of the account that submissions are held, and a person why.
 * @returns the ms after which it is worth asking again
 */
export async function holdSubmissions(
  context: StageContext,
  hold: Hold,
  trial: Trial,
): Promise<number> {
  const { account, notify } = context;
  switch (hold.kind) {
    case 'rate_limited': {
      const waitMs = await context.pacer.refused('submit', hold.retryAfterMs);
      notify({ kind: 'throttled', waitMs });
      return waitMs;
    }
    case 'too_many_running':
      await account.noteTooManyRunning(context.defaultInFlight);
      // A place gets free when a task ends, which says no header.
      return Math.min(hold.retryAfterMs ?? placeLookMs, placeLookMs);
    case 'no_credits': {
      const probeInMs = await account.park(trial === 'credits' ? 'probe' : 'submission');
      notify({ kind: 'parked', probeInMs });
      return probeInMs;
    }
    case 'key_refused': {
      const { code, message, requestId } = hold;
      await account.halt(code, message);
      notify({ kind: 'halted', code, message, requestId });
      return haltLookMs;
    }
    case 'api_down': {
      const waitMs = await account.noteDown(hold.retryAfterMs);
      notify({ kind: 'api_down', reason: hold.reason, waitMs });
      return waitMs;
    }
    default:
      return hold satisfies never;
  }
}
