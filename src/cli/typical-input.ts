import { DurationLedger } from '../shared/ledger/duration-ledger.js';
import { typicalTaskMs } from '../shared/typical-task.js';
import type { RunBatch } from './open-run-batch.js';

/**
 * How long a task of these models holds its place in flight, in ms, by what past tasks of this account took;
 * null where none of the models has a past.
 * @param modelUse briefs of each model
 */
export async function typicalInputMs(
  { account, session }: Pick<RunBatch, 'account' | 'session'>,
  modelUse: ReadonlyMap<string, number>,
): Promise<number | null> {
  const durations = new DurationLedger(session.connection, account.keys);
  let briefs = 0;
  let sumMs = 0;
  for (const [model, count] of modelUse) {
    const taskMs = typicalTaskMs(await durations.read(model));
    if (taskMs === null) continue;
    briefs += count;
    sumMs += count * taskMs;
  }
  return briefs === 0 ? null : sumMs / briefs;
}
