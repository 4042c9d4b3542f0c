import type { Lane } from '../../ledger/account-ledger.js';
import type { Trial } from '../../ledger/brief-ledger.js';
import { judgeKey } from '../../rivya/judge-answer.js';
import type { PaceHint, Refusal } from '../../rivya/outcome.js';
import type { Hold } from './decide-submit.js';
import type { StageContext } from './step.js';

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

/** Who was told the balance so lately has a key that works. */
const sightGoodForMs = 60_000;
/** One look stands in the account's line of reads, whoever wants it. */
const lineMember = 'access';

/**
 * Finds out whom an unexplained refusal is about, by requests that can harm nothing: where they are refused as well,
 * it is the key (`key_refused`) or the whole API (`api_disabled`); else it stays what it is, and is this request's own.
 */
export async function settleRefusal(context: StageContext, refusal: Refusal): Promise<Refusal> {
  if (refusal.kind !== 'unexplained') return refusal;
  const { account, client, clock, pacer } = context;
  const sight = await account.records.wallet();
  if (sight !== null && Math.abs(clock.now() - sight.readAtMs) < sightGoodForMs) return refusal;
  if ((await pacer.turn(lineMember)).kind === 'too_far') return refusal;
  const credits = await client.readCredits();
  if (credits.kind === 'read') await account.records.noteWallet(credits.currentCredits);
  const verdict = judgeKey(credits);
  switch (verdict.kind) {
    case 'works':
    case 'unseen':
      return refusal;
    case 'refused':
      return { ...verdict.refusal, kind: 'key_refused' };
    case 'unsaid': {
      // The same word for two requests that have only the key in common.
      const isCoded = refusal.code !== `http_${refusal.httpStatus}`;
      if (isCoded && verdict.refusal.code === refusal.code) {
        return { ...verdict.refusal, kind: 'key_refused' };
      }
      return (await isShut(context)) ? { ...refusal, kind: 'api_disabled' } : refusal;
    }
    default:
      return verdict satisfies never;
  }
}

/** Whether even what needs no key is refused: then it is this machine, or everybody, who is not let in. */
async function isShut({ client, pacer }: StageContext): Promise<boolean> {
  if ((await pacer.turn(lineMember)).kind === 'too_far') return false;
  const models = await client.listModels();
  return models.kind === 'refused' && models.refusal.kind === 'unexplained';
}
