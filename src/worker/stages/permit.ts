import type { SubmitPermit, SubmitRequest, WaitReason } from '../../ledger/brief-ledger.js';
import type { BriefState } from '../../ledger/brief-state.js';
import { lacksAddresses, needsUploads } from '../../ledger/reference-ledger.js';
import { parseBody, parseContent, priceKind } from '../../shared/brief.js';
import type { SubmitAction } from './decide-submit.js';
import { type StageContext, type StageJob, stepWithoutContent } from './step.js';

/** A longer wait gives the worker slot back (S2). */
const longestHoldMs = 2_000;
/** Any hold may be lifted early, by another machine or a person: nobody is turned away unasked for longer. */
const longestClosedMs = 1_000;

export type Admittance =
  | { kind: 'go'; go: Go }
  | { kind: 'passed'; state: BriefState | null }
  | { kind: 'stopped' }
  /** It has its line. */
  | { kind: 'ended' }
  /** What it refers to is to be uploaded before it asks for leave. */
  | { kind: 'wants_uploads'; content: string }
  | { kind: 'hold'; waitMs: number };

/**
 * Where this process' submissions of one batch queue up for a permit, one asking at a time: what one
 * learns ("wait a minute") holds for all behind it, without each of them asking Redis.
 */
export class SubmitGate {
  private turn: Promise<unknown> = Promise.resolve();
  private closedUntilMs = 0;

  constructor(private readonly context: StageContext) {}

  enter(job: StageJob): Promise<Admittance> {
    const mine = this.turn.then(() => this.ask(job));
    this.turn = mine.catch(() => undefined);
    return mine;
  }

  private async ask(job: StageJob): Promise<Admittance> {
    const { clock, pacer, ledger, defaultInFlight, createdAt } = this.context;
    const content = await ledger.briefs.readContent(job.briefId);
    if (content === null) {
      const step = stepWithoutContent((await ledger.briefs.read(job.briefId))?.state ?? null);
      return step.kind === 'done' ? { kind: 'ended' } : { kind: 'passed', state: null };
    }
    if (this.closedForMs() <= 0 && (await this.wantsUploads(job, content))) {
      return { kind: 'wants_uploads', content };
    }
    const request = describeSubmission(this.context, job, content);
    const deadlineMs = clock.now() + longestHoldMs;
    for (;;) {
      const closedForMs = this.closedForMs();
      if (closedForMs > 0) return { kind: 'hold', waitMs: closedForMs };
      const limits = { longestWaitMs: longestHoldMs, defaultInFlight, createdAt };
      const permit = await ledger.briefs.beginSubmit(request, limits);
      if (permit.kind === 'halted') return this.close(longestClosedMs);
      if (permit.kind === 'go') return { kind: 'go', go: { ...permit, content } };
      if (permit.kind !== 'wait') return permit;
      this.tell(permit.reason);
      if (clock.now() + permit.waitMs > deadlineMs) return this.close(permit.waitMs);
      if ((await pacer.wait(permit.waitMs)) === 'stopping') return { kind: 'hold', waitMs: 0 };
    }
  }

  /** Asked of briefs with files alone. */
  private async wantsUploads({ briefId, attempt }: StageJob, content: string): Promise<boolean> {
    if (!needsUploads(content)) return false;
    return lacksAddresses(await this.context.ledger.references.look(briefId), attempt);
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

/** Leave to send one submission: its turn, its place in flight, its saved state. */
export type Go = Extract<SubmitPermit, { kind: 'go' }> & { content: string };

/** A submission that was answered, and what the answer means. */
export interface Acting {
  job: StageJob;
  go: Go;
  action: SubmitAction;
}

/** What the ledger must know of a brief to say whether it may be submitted (S6). */
export function describeSubmission(
  context: StageContext,
  { briefId: id, attempt }: StageJob,
  content: string,
): SubmitRequest {
  const body = parseBody(parseContent(content).body);
  const { guess, least } = context.priceOf(body.model);
  return { id, attempt, priceKind: priceKind(body), guess, least };
}
