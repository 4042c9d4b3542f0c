import type { Probe } from '../../ledger/brief-ledger.js';
import { judgeKey } from '../../rivya/judge-answer.js';
import type {
  ChatOutcome,
  ListModelsOutcome,
  ReadCreditsOutcome,
  ReadTaskOutcome,
  Refusal,
  RefusalKind,
  SubmitOutcome,
  UploadOutcome,
} from '../../rivya/outcome.js';
import type { Pacer } from '../pacing/pacer.js';
import type { StageContext } from './step.js';

/**
 * Who was refused: a submission, the upload of a reference, a status check, the question for a paid task's links, or a
 * look that can harm nothing (at the balance, at the list of models).
 */
export type Endpoint = keyof typeof columns;
const columns = { submit: 0, upload: 1, status: 2, links: 3, look: 4 } as const;

/**
 * What a refusal means, for each of the API's reasons (`classifyRefusal` tells them by code and HTTP status):
 *
 *     pace      held for all: no request is sent for a while, and the shared pace learns it (S7)
 *     places    held for all submissions: too many tasks are running, and the in-flight cap learns it
 *     credits   held for all submissions, until a probe finds some again
 *     key       held for all submissions, until a person acts
 *     api       held for all submissions, until the API is back
 *     in_doubt  somebody is at it, so it may be paid: the same key again (S1)
 *     put_off   refused without a reason, this brief alone: a few times more, then its line
 *     later     nothing was learned: again, spaced, while patience lasts
 *     wait      again, spaced, for as long as it takes
 *     gone      the API does not know the task (any more)
 *     failed    the brief ends: this will never be accepted, and is not charged
 *     unknown   the brief ends: the key was used with other content, so it may have been paid (S1)
 *     nothing   whoever looked learned nothing
 */
const meanings = {
  //                     submit      upload     status   links    look
  rate_limited: ['pace', 'pace', 'pace', 'pace', 'pace'],
  too_many_running: ['places', 'pace', 'pace', 'pace', 'pace'],
  insufficient_credits: ['credits', 'credits', 'later', 'later', 'nothing'],
  key_refused: ['key', 'key', 'key', 'key', 'nothing'],
  api_disabled: ['api', 'api', 'wait', 'later', 'nothing'],
  unexplained: ['put_off', 'later', 'later', 'later', 'nothing'],
  busy: ['in_doubt', 'later', 'later', 'later', 'nothing'],
  idempotency_conflict: ['unknown', 'later', 'later', 'later', 'nothing'],
  not_found: ['failed', 'failed', 'gone', 'later', 'nothing'],
  invalid: ['failed', 'failed', 'later', 'later', 'nothing'],
} as const satisfies Record<RefusalKind, readonly string[]>;

export type Meaning<E extends Endpoint = Endpoint> =
  (typeof meanings)[RefusalKind][(typeof columns)[E]];

export function meaningOf<E extends Endpoint>(
  { kind }: Pick<Refusal, 'kind'>,
  endpoint: E,
): Meaning<E> {
  return meanings[kind][columns[endpoint]];
}

/** What is held for all after an answer, and why. */
export type Hold =
  | { kind: 'pace' | 'places'; retryAfterMs: number | null }
  | { kind: 'credits' }
  | { kind: 'key'; code: string; message: string; requestId: string | null }
  | { kind: 'api'; reason: string; retryAfterMs: number | null };

export function holdFor(kind: Hold['kind'], refusal: Refusal): Hold {
  const { code, message, requestId, retryAfterMs } = refusal;
  switch (kind) {
    case 'pace':
    case 'places':
      return { kind, retryAfterMs };
    case 'credits':
      return { kind };
    case 'key':
      return { kind, code, message, requestId };
    case 'api':
      return { kind, reason: message, retryAfterMs };
    default:
      return kind satisfies never;
  }
}

/** How soon a held worker looks again whether a refused key was replaced or the hold was lifted. */
const keyLookMs = 5_000;
/** How soon a paid task is looked at again whose key was refused. */
const keyReadLookMs = 30_000;
/** Submissions find out by themselves when a place in flight is free: no longer than this. */
const placeLookMs = 1_000;
/** A hold that is over sooner is the pace at work, and no news. */
const momentMs = 3_000;

/**
 * Tells all workers of the account what is held, and a person why.
 * @param probe what the refused submission was to find out for all
 * @returns the ms after which it is worth asking again
 */
export async function holdAll(
  context: StageContext,
  hold: Hold,
  endpoint: Endpoint,
  probe: Probe = 'none',
): Promise<number> {
  const { batch, account, history, pacer, notify } = context;
  if (hold.kind === 'pace' || hold.kind === 'places') history.note(batch, { refused: 1 });
  switch (hold.kind) {
    case 'pace': {
      const waitMs = await pacer.refused(laneOf(endpoint), hold.retryAfterMs);
      notify({ kind: 'throttled', waitMs });
      return waitMs;
    }
    case 'places':
      await account.noteTooManyRunning(context.defaultInFlight);
      // A place gets free when a task ends, which says no header.
      return Math.min(hold.retryAfterMs ?? placeLookMs, placeLookMs);
    case 'credits': {
      const probeInMs = await account.park(probe === 'credits' ? 'probe' : 'submission');
      notify({ kind: 'parked', probeInMs });
      return probeInMs;
    }
    case 'key': {
      const { code, message, requestId } = hold;
      await account.halt(code, message);
      notify({ kind: 'halted', code, message, requestId });
      return keyLookMs;
    }
    case 'api': {
      const waitMs = await account.noteDown(hold.retryAfterMs);
      notify({ kind: 'api_down', reason: hold.reason, waitMs });
      return waitMs;
    }
    default:
      return hold satisfies never;
  }
}

/** The same for a request that is no submission: it alone waits, for so many ms, and no slot with it (S2). */
export async function holdForRead(
  context: StageContext,
  kind: 'pace' | 'key',
  refusal: Refusal,
): Promise<number> {
  const waitMs = await holdAll(context, holdFor(kind, refusal), 'status');
  if (kind === 'key') return keyReadLookMs;
  // Spread, so that all that were refused together do not come back together.
  return waitMs * (1 + 0.5 * Math.random());
}

/** What a submission that was accepted found out holds for all. */
export async function liftHolds({ account, notify }: StageContext, probe: Probe): Promise<void> {
  switch (probe) {
    case 'credits':
      await account.unpark();
      notify({ kind: 'credits_back' });
      return;
    case 'recovery':
      return account.noteUp();
    case 'none':
      return;
    default:
      return probe satisfies never;
  }
}

/** The pace learns of each answer but those that hold it, and a person hears where the headers hold everybody (S7). */
export async function noteTaken(
  { pacer, notify }: StageContext,
  endpoint: Exclude<Endpoint, 'look'>,
  outcome: SubmitOutcome | ChatOutcome | UploadOutcome | ReadTaskOutcome,
): Promise<void> {
  if (outcome.kind === 'unknown' || outcome.kind === 'unreachable') return;
  if (outcome.kind === 'refused' && meaningOf(outcome.refusal, endpoint) === 'pace') return;
  const waitMs = await pacer.taken(laneOf(endpoint), outcome.pace);
  if (waitMs > momentMs) notify({ kind: 'used_up', waitMs });
}

function laneOf(endpoint: Endpoint): 'submit' | 'read' {
  return endpoint === 'submit' ? 'submit' : 'read';
}

/** A request that can harm nothing, in its turn like every other (S7). */
type Look<Outcome> =
  | { kind: 'answered'; outcome: Outcome }
  /** No turn is near, and none is kept. */
  | { kind: 'too_far'; waitMs: number }
  | { kind: 'throttled'; waitMs: number };

/** @param member who asks, for a place in the account's line of reads */
async function look<Outcome extends ReadCreditsOutcome | ListModelsOutcome>(
  pacer: Pacer,
  member: string,
  ask: () => Promise<Outcome>,
): Promise<Look<Outcome>> {
  const turn = await pacer.turn(member);
  if (turn.kind === 'too_far') return turn;
  const outcome = await ask();
  if (outcome.kind === 'refused' && meaningOf(outcome.refusal, 'look') === 'pace') {
    const waitMs = await pacer.refused('read', outcome.refusal.retryAfterMs);
    return { kind: 'throttled', waitMs };
  }
  if (outcome.kind === 'read') await pacer.taken('read', outcome.pace);
  return { kind: 'answered', outcome };
}

/** What the balance is, which is noted for whoever wants to know. */
export async function lookAtBalance(
  { client, account, pacer }: Pick<StageContext, 'client' | 'account' | 'pacer'>,
  member: string,
): Promise<Look<ReadCreditsOutcome>> {
  const seen = await look(pacer, member, () => client.readCredits());
  if (seen.kind === 'answered' && seen.outcome.kind === 'read') {
    await account.records.noteWallet(seen.outcome.currentCredits);
  }
  return seen;
}

/**
 * The look before the one submission of an account that was out of credits.
 * @returns the ms for which nothing is to be sent; null where the submission itself is to find out
 */
export async function probeCredits(context: StageContext): Promise<number | null> {
  const seen = await lookAtBalance(context, '');
  switch (seen.kind) {
    case 'too_far':
      return seen.waitMs;
    case 'throttled':
      context.notify({ kind: 'throttled', waitMs: seen.waitMs });
      return seen.waitMs;
    case 'answered': {
      const { outcome } = seen;
      if (outcome.kind !== 'read' || outcome.currentCredits > 0) return null;
      return holdAll(context, { kind: 'credits' }, 'look', 'credits');
    }
    default:
      return seen satisfies never;
  }
}

/** Who was told the balance so lately has a key that works. */
const sightGoodForMs = 60_000;
/** One look stands in the account's line of reads, whoever wants it. */
const lineMember = 'access';

/**
 * Finds out whom an unexplained refusal is about, by looks that can harm nothing: where they are refused as well, it is
 * the key (`key_refused`) or the whole API (`api_disabled`); else it stays what it is, and is this request's own.
 */
export async function explainRefusal(context: StageContext, refusal: Refusal): Promise<Refusal> {
  if (refusal.kind !== 'unexplained') return refusal;
  const sight = await context.account.records.wallet();
  const isFresh = sight !== null && Math.abs(context.clock.now() - sight.readAtMs) < sightGoodForMs;
  if (isFresh) return refusal;
  const seen = await lookAtBalance(context, lineMember);
  if (seen.kind !== 'answered') return refusal;
  const verdict = judgeKey(seen.outcome);
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
  const seen = await look(pacer, lineMember, () => client.listModels());
  if (seen.kind !== 'answered' || seen.outcome.kind !== 'refused') return false;
  return seen.outcome.refusal.kind === 'unexplained';
}
