import type { Trial } from '../shared/ledger/batch-ledger.js';
import type { Hold } from './decide-submit.js';
import type { StageContext } from './stage-context.js';

/** How soon a held worker looks again whether a refused key was replaced or the hold was lifted. */
const haltLookMs = 5_000;

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
      const waitMs = await context.pacer.refused(hold.retryAfterMs);
      notify({ kind: 'throttled', waitMs });
      return waitMs;
    }
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
