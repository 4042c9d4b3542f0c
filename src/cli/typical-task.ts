import { DurationLedger } from '../shared/ledger/duration-ledger.js';
import { durationCurve } from '../worker/polling/duration-curve.js';
import type { RunBatch } from './open-run-batch.js';

/** From a task's end to the check that finds it, roughly. */
const noticeMs = 2_500;

/**
 * How long a task of these models holds its place in flight, in ms, by what past tasks of this account took;
 * null where none of the models has a past.
 * @param modelUse briefs of each model
 */
export async function typicalTaskMs(
  { account, session }: Pick<RunBatch, 'account' | 'session'>,
  modelUse: ReadonlyMap<string, number>,
): Promise<number | null> {
  const durations = new DurationLedger(session.connection, account.keys);
  let briefs = 0;
  let sumMs = 0;
  for (const [model, count] of modelUse) {
    const sketch = await durations.read(model);
    if (sketch.total === 0) continue;
    briefs += count;
    sumMs += count * (durationCurve(sketch).medianMs + noticeMs);
  }
  return briefs === 0 ? null : sumMs / briefs;
}
