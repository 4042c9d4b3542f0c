import type { RivyaClient } from '../rivya/client.js';
import type { AccountLedger } from '../shared/ledger/account-ledger.js';
import type { BatchMeta } from '../shared/ledger/batch-meta.js';
import { formatCredits } from '../shared/quantities.js';
import { outcomeWord } from '../worker/answer-tally.js';

const longestWaitMs = 5_000;

/** The account's balance, or null where it cannot be had: an audit is a hint and holds nothing up. */
export async function readBalance(
  client: RivyaClient,
  account: AccountLedger,
): Promise<number | null> {
  // This look keeps to the account's pace like every other request (S7).
  const turn = await account.takeTurn(longestWaitMs);
  if (turn.kind === 'too_far') return null;
  await new Promise((resolve) => setTimeout(resolve, turn.waitMs));
  const outcome = await client.readCredits();
  await account.records.addAnswers([
    { endpoint: 'credits', outcome: outcomeWord(outcome), count: 1 },
  ]);
  if (outcome.kind !== 'read') return null;
  await account.records.noteWallet(outcome.currentCredits);
  return outcome.currentCredits;
}

export interface Audit {
  before: { meta: BatchMeta; balance: number | null };
  after: { meta: BatchMeta; balance: number | null };
}

/**
 * Compares what the ledger counted in this run with how far the balance moved. The wallet is shared with Studio and
 * other keys, so that more than was counted asks for a look, and proves nothing. Less is no alarm: credits were bought
 * or given back meanwhile, or tasks were counted that an earlier run had paid for (replays under their old keys).
 */
export function auditSentence({ before, after }: Audit): string | null {
  if (before.balance === null || after.balance === null) return null;
  const counted = round(held(after.meta) - held(before.meta));
  const moved = round(before.balance - after.balance);
  if (counted === moved) {
    return `Audit: the balance moved by ${formatCredits(moved)}, as counted here. ${formatCredits(after.balance)} left.`;
  }
  const left = `${formatCredits(after.balance)} left.`;
  if (moved < counted) {
    const went =
      moved < 0 ? `rose by ${formatCredits(-moved)}` : `moved by ${formatCredits(moved)}`;
    return `Audit: the balance ${went}, and ${formatCredits(counted)} were counted here: ${formatCredits(round(counted - moved))} came in meanwhile (bought, given back, or of tasks that were paid for before). ${left}`;
  }
  return `Audit: the balance moved by ${formatCredits(moved)}, but ${formatCredits(counted)} were counted here. If nothing else used this wallet meanwhile, have a look at the account. ${left}`;
}

/** Reserved credits were taken from the wallet when their tasks were accepted. */
function held(meta: BatchMeta): number {
  return meta.spent + meta.reserved;
}

function round(credits: number): number {
  return Math.round(credits * 1000) / 1000;
}
