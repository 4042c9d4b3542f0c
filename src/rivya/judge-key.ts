import type { ReadCreditsOutcome, Refusal } from './outcome.js';

/** What a look at the balance, which can harm nothing, says of the key. */
export type KeyVerdict =
  /** It is taken, if only for other things than balances. */
  | { kind: 'works' }
  | { kind: 'refused'; refusal: Refusal }
  /** A page, or a code that nobody knows: no word of the key. */
  | { kind: 'unsaid'; refusal: Refusal }
  /** No answer, or one about something else. */
  | { kind: 'unseen' };

export function judgeKey(outcome: ReadCreditsOutcome): KeyVerdict {
  switch (outcome.kind) {
    case 'read':
      return { kind: 'works' };
    case 'refused':
      return judgeRefusal(outcome.refusal);
    case 'unknown':
    case 'unreachable':
      return { kind: 'unseen' };
    default:
      return outcome satisfies never;
  }
}

function judgeRefusal(refusal: Refusal): KeyVerdict {
  if (refusal.code === 'api_scope_denied') return { kind: 'works' };
  if (refusal.kind === 'key_refused') return { kind: 'refused', refusal };
  if (refusal.kind !== 'unexplained') return { kind: 'unseen' };
  // Nothing but the key can be wrong with such a request, where the answer is that nobody is known by it.
  return { kind: refusal.httpStatus === 401 ? 'refused' : 'unsaid', refusal };
}
