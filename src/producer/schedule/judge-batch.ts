import { ExitCode } from '../../shared/errors.js';
import type { AccountView } from '../../shared/ledger/account-view.js';
import type { BatchMeta } from '../../shared/ledger/batch-meta.js';
import type { StopReason } from '../../shared/schedule/schedule-run.js';

export type BatchOutcome =
  | { kind: 'going' }
  /** Nothing goes on by itself until a person, or a new balance, helps. */
  | { kind: 'stopped'; reason: StopReason }
  | { kind: 'ended'; exitCode: ExitCode };

/** How far a batch that is fully queued has come; null stands for one that was forgotten since. */
export function judgeBatch(
  meta: BatchMeta | null,
  { gate, inFlight }: Pick<AccountView, 'gate'> & { inFlight: number },
): BatchOutcome {
  if (meta === null) return { kind: 'ended', exitCode: ExitCode.unexpected };
  if (meta.finalized) {
    const all = meta.lines.succeeded === meta.admitted;
    return { kind: 'ended', exitCode: all ? ExitCode.succeeded : ExitCode.someDidNotSucceed };
  }
  if (meta.pending === 0 || meta.cancelled) return { kind: 'going' };
  if (gate.kind === 'halted') return { kind: 'stopped', reason: 'key_refused' };
  if (gate.kind === 'parked') return { kind: 'stopped', reason: 'no_credits' };
  // While tasks are under way, what they give back may make room below the cap.
  if (meta.capped !== null && inFlight === 0) return { kind: 'stopped', reason: 'capped' };
  return { kind: 'going' };
}

const shortestLookMs = 500;
const longestLookMs = 30_000;

/** When to look at a batch again: the longer it runs, the less a moment matters. */
export function nextLookMs(ageMs: number): number {
  return Math.min(longestLookMs, Math.max(shortestLookMs, Math.round(ageMs / 20)));
}
