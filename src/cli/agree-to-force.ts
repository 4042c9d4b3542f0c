import type { Comparison } from '../producer/compare-with-batch.js';
import { BatchError } from '../shared/errors.js';
import type { AccountLedger } from '../shared/ledger/account-ledger.js';
import type { PreparedBrief } from '../shared/prepared-brief.js';
import { counted } from '../shared/quantities.js';
import { confirm } from './confirm.js';
import { forecastInput, sumText } from './forecast.js';
import type { Terminal } from './terminal.js';

export interface Forcing {
  terminal: Terminal;
  account: AccountLedger;
  comparison: Comparison;
  briefs: AsyncIterable<PreparedBrief>;
  /** Whether `--yes` was given. */
  asked: 'ask' | 'agreed';
}

/**
 * Says what it costs to make everything anew, and asks where somebody can be asked; a script has said it by the option.
 * @throws BatchError `usage` after a no
 */
export async function agreeToForce(forcing: Forcing): Promise<void> {
  const { terminal, account, comparison, briefs, asked } = forcing;
  if (comparison.forced + comparison.changed === 0) return;
  const learned = await account.prices();
  const forecast = await forecastInput(briefs, { wallet: null, learned });
  const many = counted(comparison.forced, 'unchanged brief');
  terminal.note(
    `--force: ${many} made anew and paid again. Estimate for the whole input: ${sumText(forecast)}.`,
  );
  const somebody = process.stdin.isTTY && process.stderr.isTTY;
  if (asked === 'agreed' || !somebody) return;
  if ((await confirm('Go on?')) === 'yes') return;
  throw new BatchError('usage', 'Nothing was changed and nothing was sent.');
}
