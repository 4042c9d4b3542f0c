import type { SubmitPermit, WaitReason } from '../../ledger/brief-ledger.js';
import type { BriefState, StateOf } from '../../ledger/brief-state.js';
import { lacksAddresses, needsUploads } from '../../ledger/reference-ledger.js';
import { priceKind } from '../../shared/brief.js';
import type { BriefInHand, StageContext } from './step.js';

/** A longer wait gives the worker slot back (S2). */
const longestHoldMs = 2_000;
/** Any hold may be lifted early, by another machine or a person: nobody is turned away unasked for longer. */
const longestClosedMs = 1_000;

/** A brief that no task is known of. */
export type UnsentBrief = BriefInHand<StateOf<'admitted'> | StateOf<'submitting'>>;

/** Leave to send one submission: its turn, its place in flight, its saved state. */
export type Permit = Extract<SubmitPermit, { kind: 'go' }>;

export type Admittance =
  | Permit
  | { kind: 'passed'; state: BriefState | null }
  | { kind: 'stopped' }
  /** What it refers to is to be uploaded before it asks for leave. */
  | { kind: 'wants_uploads' }
  | { kind: 'hold'; waitMs: number };

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
 * Where this process' submissions of one batch queue up for a permit, one asking at a time: what one
 * learns ("wait a minute") holds for all behind it, without each of them asking Redis.
 */
export class SubmitGate {
  private turn: Promise<unknown> = Promise.resolve();
  private closedUntilMs = 0;

  constructor(private readonly context: StageContext) {}

  enter(brief: UnsentBrief): Promise<Admittance> {
    const mine = this.turn.then(() => this.ask(brief));
    this.turn = mine.catch(() => undefined);
    return mine;
  }

  private async ask(brief: UnsentBrief): Promise<Admittance> {
    const { clock, pacer } = this.context;
    if (this.closedForMs() <= 0 && (await this.wantsUploads(brief))) {
      return { kind: 'wants_uploads' };
    }
    const deadlineMs = clock.now() + longestHoldMs;
    for (;;) {
      const closedForMs = this.closedForMs();
      if (closedForMs > 0) return { kind: 'hold', waitMs: closedForMs };
      const permit = await askLeave(this.context, brief, longestHoldMs);
      if (permit.kind === 'halted') return this.close(longestClosedMs);
      if (permit.kind !== 'wait') return permit;
      this.tell(permit.reason);
      if (clock.now() + permit.waitMs > deadlineMs) return this.close(permit.waitMs);
      if ((await pacer.wait(permit.waitMs)) === 'stopping') return { kind: 'hold', waitMs: 0 };
    }
  }

  /** Asked of briefs with files alone. */
  private async wantsUploads({ id, state, content }: UnsentBrief): Promise<boolean> {
    if (!needsUploads(content)) return false;
    return lacksAddresses(await this.context.ledger.references.look(id), state.attempt);
  }

  private closedForMs(): number {
    return this.closedUntilMs - this.context.clock.now();
  }

  /** Only what a person can do something about. */
  private tell(reason: WaitReason): void {
    if (reason === 'cap' || reason === 'day_cap') this.context.notify({ kind: 'capped', reason });
    if (reason === 'paused') this.context.notify({ kind: 'paused' });
  }

  private close(askedMs: number): Admittance {
    const waitMs = Math.min(askedMs, longestClosedMs);
    this.closedUntilMs = this.context.clock.now() + waitMs;
    return { kind: 'hold', waitMs };
  }
}
