import type { Model } from '../rivya/outcome.js';
import { BatchError } from '../shared/errors.js';
import { counted } from '../shared/quantities.js';
import { canAsk, confirm } from './confirm.js';
import { wholeEstimate } from './forecast.js';
import type { BatchRequest, RunBatch } from './open-run-batch.js';
import type { Terminal } from './terminal.js';

/**
 * Says what it costs to make everything anew, and asks where somebody can be asked; a script has said it by the option.
 * @throws BatchError `usage` after a no
 */
export async function agreeToForce(
  terminal: Terminal,
  { account, comparison }: RunBatch,
  { input, models, flags }: Pick<BatchRequest, 'input' | 'flags'> & { models: Model[] },
): Promise<void> {
  if (comparison.forced + comparison.changed === 0) return;
  const estimate = await wholeEstimate(account, { input, models });
  const many = counted(comparison.forced, 'unchanged brief');
  terminal.note(
    `--force: ${many} made anew and paid again. Estimate for the whole input: ${estimate}.`,
  );
  if (flags.yes || !canAsk()) return;
  if ((await confirm('Go on?')) === 'yes') return;
  throw new BatchError('usage', 'Nothing was changed and nothing was sent.');
}
