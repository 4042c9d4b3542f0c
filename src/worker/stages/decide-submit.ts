import { isAboutReference } from '../../rivya/judge-answer.js';
import type { ChatOutcome, ChatTurn, Refusal, SubmitOutcome, Task } from '../../rivya/outcome.js';
import type { LineError } from '../../shared/manifest-line.js';
import { type Hold, holdFor, meaningOf } from './refusal.js';

/** What one POST's outcome means for its brief. */
export type SubmitAction =
  | { kind: 'accept'; task: Task }
  /** Of a chat: it is paid, and this is its result. */
  | { kind: 'answer'; turn: ChatTurn }
  /** Never to be accepted: the line is `failed`, nothing was charged. */
  | { kind: 'fail'; error: LineError }
  /** It may have been paid and nobody can find out: the line is `unknown`, a person decides. */
  | { kind: 'end_unknown'; error: LineError }
  /** The same key and bytes again; the task may be running, so its place in flight is kept. */
  | { kind: 'ask_again'; afterMs: number; reason: string }
  /** Refused and not charged: back among the waiting. `requestId` of the refusal: the same one again is a replay. */
  | { kind: 'give_back'; requestId: string | null; hold: Hold }
  /** Refused without a reason, this brief alone: the same key and bytes again, later; nobody else waits for it. */
  | { kind: 'put_off'; afterMs: number; reason: string }
  /** Refused and not charged, for the address of an upload: a new attempt, with a new one. */
  | { kind: 'renew_references' }
  /** Refused, but an earlier send may have been paid: key, key's clock and place in flight are kept. */
  | { kind: 'keep_open'; hold: Hold };

export interface SubmitSituation {
  outcome: SubmitOutcome | ChatOutcome;
  /** POSTs of this brief so far, this one included. */
  sends: number;
  /** Whether an earlier send of this key got no clear answer: it may have been taken. */
  earlier: 'open' | 'none';
  /** Age of the key: since its first send. */
  keyAgeMs: number;
  keyLifeMs: number;
  /** Whether it names uploads whose addresses may be made anew; once they were, a refusal is taken at its word. */
  uploads: 'none' | 'first' | 'renewed';
  /** How often this brief was put off before. */
  puttingsOff: number;
}

const firstRetryMs = 5_000;
const longestRetryMs = 60_000;
/**
 * Refusals without a reason that a brief may get, over two and a quarter minutes: a firewall that is being set up comes
 * to its senses in that time, and one that dislikes the prompt will not do so in an hour.
 */
const mostUnexplained = 6;
/**
 * One that may have been taken before is asked about for so long: whatever refuses it would go on until the key's life
 * ends, and the batch with it. A person decides then.
 */
const unexplainedInDoubtMs = 60 * 60_000;

/** S1 in one place: from the outcome of a POST to what may be done next. */
export function decideSubmit(situation: SubmitSituation): SubmitAction {
  const { outcome } = situation;
  switch (outcome.kind) {
    case 'accepted':
      return { kind: 'accept', task: outcome.task };
    case 'answered':
      return { kind: 'answer', turn: outcome.turn };
    case 'refused':
      return decideRefusal(situation, outcome.refusal);
    case 'unknown':
      return askAgain(situation, outcome.reason, outcome.requestId);
    case 'unreachable':
      // Not processed, so not charged by this send.
      return situation.earlier === 'open'
        ? askAgain(situation, outcome.reason, null)
        : giveBack(situation, null, { kind: 'api', retryAfterMs: null, reason: outcome.reason });
    default:
      return outcome satisfies never;
  }
}

function decideRefusal(situation: SubmitSituation, refusal: Refusal): SubmitAction {
  const { code, message, requestId } = refusal;
  const error: LineError = { code, message, request_id: requestId };
  const meaning = meaningOf(refusal, 'submit');
  switch (meaning) {
    case 'pace':
    case 'places':
    case 'credits':
    case 'key':
    case 'api':
      return giveBack(situation, requestId, holdFor(meaning, refusal));
    case 'unknown':
      return { kind: 'end_unknown', error };
    case 'put_off':
      return putOff(situation, refusal);
    case 'in_doubt':
      return askAgain(situation, message, requestId);
    case 'failed':
      if (mayRenew(situation, refusal)) return { kind: 'renew_references' };
      // This send was not taken, which says nothing of an earlier one.
      return { kind: situation.earlier === 'open' ? 'end_unknown' : 'fail', error };
    default:
      return meaning satisfies never;
  }
}

/** Other bytes need another key, so nothing of this one may be in doubt (S1). */
function mayRenew({ uploads, earlier }: SubmitSituation, refusal: Refusal): boolean {
  return uploads === 'first' && earlier === 'none' && isAboutReference(refusal);
}

/** A page of somebody on the way, seen to be about this request alone: spaced, then its line. */
function putOff(situation: SubmitSituation, refusal: Refusal): SubmitAction {
  const { puttingsOff, sends, keyLifeMs } = situation;
  const { code, message, requestId } = refusal;
  if (situation.earlier === 'open') {
    const isLong = sends >= mostUnexplained;
    const patienceMs = isLong ? Math.min(keyLifeMs, unexplainedInDoubtMs) : keyLifeMs;
    return askAgain({ ...situation, keyLifeMs: patienceMs }, message, requestId);
  }
  if (puttingsOff + 1 < mostUnexplained) {
    const afterMs = spacingAfter(puttingsOff + 1);
    return { kind: 'put_off', afterMs, reason: message };
  }
  const what = `Refused ${mostUnexplained} times without a reason, while the key works: ${message} Nothing was paid.`;
  return { kind: 'fail', error: { code, message: what, request_id: requestId } };
}

function spacingAfter(sends: number): number {
  return Math.min(longestRetryMs, firstRetryMs * 2 ** Math.max(0, sends - 1));
}

function askAgain(
  situation: SubmitSituation,
  reason: string,
  requestId: string | null,
): SubmitAction {
  const spacingMs = spacingAfter(situation.sends);
  if (situation.keyAgeMs + spacingMs >= situation.keyLifeMs) {
    const message = `It could not be found out whether the API took this request (${reason}); it is not sent again because it may have been paid.`;
    return {
      kind: 'end_unknown',
      error: { code: 'outcome_unknown', message, request_id: requestId },
    };
  }
  return { kind: 'ask_again', afterMs: spacingMs, reason };
}

function giveBack(situation: SubmitSituation, requestId: string | null, hold: Hold): SubmitAction {
  // Given back, the key's clock would begin anew, or another key be taken: not while a send may have been paid.
  if (situation.earlier === 'open') return { kind: 'keep_open', hold };
  return { kind: 'give_back', requestId, hold };
}
