import { leftToMake } from '../producer/compare-with-batch.js';
import type { CompiledInput } from '../producer/compile-input.js';
import type { Model } from '../rivya/outcome.js';
import { isSimulated } from '../shared/ledger/batch-meta.js';
import { formatCredits } from '../shared/quantities.js';
import { canAsk, confirm } from './confirm.js';
import type { PaceFlags } from './flags.js';
import type { RunBatch } from './open-run-batch.js';
import { makePlan, type Plan } from './plan.js';
import type { RunRequest } from './run-request.js';
import { typicalInputMs } from './typical-input.js';

export interface Planning {
  opened: RunBatch;
  input: CompiledInput;
  models: Model[];
  flags: PaceFlags;
  wallet: number | null;
}

/** What is left of a batch, with the prices and the pace that its account has learned. */
export async function planRun({ opened, input, models, flags, wallet }: Planning): Promise<Plan> {
  const { account, ledger, comparison, forced } = opened;
  const { learnedRate, learnedInFlight } = await account.view();
  return makePlan(input, {
    models,
    wallet,
    learnedPrices: await account.prices(),
    pace: {
      told: { rate: flags.rate ?? null, inFlight: flags.inFlight ?? null },
      learned: { rate: learnedRate, inFlight: learnedInFlight },
      taskMs: await typicalInputMs(opened, input.modelUse),
    },
    left: (briefs) => leftToMake(ledger, briefs, forced),
    comparison,
  });
}

/** Asks where there is somebody to ask, and the estimate is of some weight. */
export async function askFirst(
  { forecast }: Plan,
  { meta }: RunBatch,
  { yes, askAbove, force, maxCredits }: RunRequest['flags'],
): Promise<'go' | 'stop'> {
  if (yes || !canAsk() || isSimulated(meta)) return 'go';
  const cap = maxCredits === 'none' ? null : (maxCredits ?? meta.maxCredits);
  const most = Math.min(forecast.most, Math.max(0, (cap ?? Number.POSITIVE_INFINITY) - meta.spent));
  // What was paid once already is never paid again without a question.
  if (most <= askAbove && !force) return 'go';
  const answer = await confirm(`This may spend up to ${formatCredits(most)}. Go on?`);
  return answer === 'yes' ? 'go' : 'stop';
}
