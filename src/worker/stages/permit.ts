import type { SubmitPermit, WaitReason } from '../../ledger/brief-ledger.js';
import type { BriefState, StateOf } from '../../ledger/brief-state.js';
import { priceKind } from '../../shared/brief.js';
import type { BriefInHand, StageContext, Step } from './step.js';

/** A longer wait gives the job back (S2). */
export const longestHoldMs = 2_000;
/** A refused key is looked at again this often, should nobody tell that a person has acted. */
const haltedLookMs = 30_000;

/** The first of a kind goes alone for so long where there is no cap: see `lua/begin-submit.lua`. */
const firstAloneMs = 5_000;

/** A brief that no task is known of. */
export type UnsentBrief = BriefInHand<StateOf<'admitted'> | StateOf<'submitting'>>;

/** Leave to send one submission: its turn, its place in flight, its saved state. */
export type Permit = Extract<SubmitPermit, { kind: 'go' }>;

export type Admittance =
  | Permit
  | { kind: 'passed'; state: BriefState | null }
  | { kind: 'stopped' }
  | Extract<Step, { kind: 'hold' }>;

/** Asks the ledger for a brief's permit; what it must know of the brief to say so (S6) is in the content. */
export function askLeave(
  { ledger, priceOf, defaultInFlight, createdAt }: StageContext,
  { id, state, content }: UnsentBrief,
  longestWaitMs: number,
): Promise<SubmitPermit> {
  const { guess, least } = priceOf(content.request.model);
  return ledger.briefs.beginSubmit(
    { id, attempt: state.attempt, priceKind: priceKind(content.request), guess, least },
    { longestWaitMs, defaultInFlight, createdAt },
  );
}

/**
 * Asks for leave, and waits a moment for the pace; its seat is passed on only then. What has to wait for longer goes back into its queue, and with it all for whom the same reason holds.
 */
export async function waitForLeave(context: StageContext, brief: UnsentBrief): Promise<Admittance> {
  const { clock, pacer } = context;
  const deadlineMs = clock.now() + longestHoldMs;
  for (;;) {
    const permit = await askLeave(context, brief, longestHoldMs);
    if (permit.kind === 'halted') return { kind: 'hold', of: 'all', waitMs: haltedLookMs };
    if (permit.kind !== 'wait') return permit;
    const { waitMs, reason } = permit;
    tell(context, reason);
    const isMoment = reason === 'pace' && clock.now() + waitMs <= deadlineMs;
    if (!isMoment) return { kind: 'hold', of: whomHolds(reason, waitMs), waitMs };
    if ((await pacer.wait(waitMs)) === 'stopping') return { kind: 'hold', of: 'all', waitMs: 0 };
  }
}

/** For whom else a reason holds. */
function whomHolds(reason: WaitReason, waitMs: number): Extract<Step, { kind: 'hold' }>['of'] {
  switch (reason) {
    case 'in_flight':
    case 'pace':
    case 'credits':
    case 'api_down':
      return 'all';
    case 'first_price':
      // Without a cap it is a matter of seconds, and most wait for the same price.
      return waitMs <= firstAloneMs ? 'all' : 'batch_until_account';
    case 'cap':
    case 'day_cap':
    case 'paused':
    case 'other_life':
      return 'batch';
    default:
      return reason satisfies never;
  }
}

/** Only what a person can do something about. */
function tell({ notify }: StageContext, reason: WaitReason): void {
  if (reason === 'cap' || reason === 'day_cap') notify({ kind: 'capped', reason });
  if (reason === 'paused') notify({ kind: 'paused' });
}
