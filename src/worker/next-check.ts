import type { StateOf } from '../shared/ledger/brief-state.js';
import type { StageContext } from './stage-context.js';

/** How long a task that was just accepted, or just seen running, is left alone, in ms. */
export function nextCheckInMs(
  { pollPlanner, pacer, clock }: StageContext,
  { kind, category, submittedAt, checks }: StateOf<'accepted'>,
): Promise<number> {
  const ageMs = Math.max(0, clock.now() - submittedAt);
  return pollPlanner.nextCheckInMs({ kind, category, ageMs, checks, pressure: pacer.pressure() });
}
