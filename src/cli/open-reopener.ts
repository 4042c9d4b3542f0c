import type { AccountLedger } from '../shared/ledger/account-ledger.js';
import type { BatchLedger } from '../shared/ledger/batch-ledger.js';
import { RewriteLedger } from '../shared/ledger/rewrite-ledger.js';
import { StageQueues } from '../shared/queues.js';
import type { Reopener } from '../worker/reopen-lines.js';
import { priceGuesser } from './estimate.js';
import { lastModels } from './model-list.js';
import type { StoreSession } from './session.js';
import { categoryFinder } from './worker-session.js';

export interface ReopenedBatch {
  ledger: BatchLedger;
  account: AccountLedger;
  /** The folder of its results, which is on this machine. */
  out: string;
}

/** Works with what it takes to open finished briefs of a batch again. */
export async function withReopener<T>(
  session: StoreSession,
  { ledger, account, out }: ReopenedBatch,
  work: (reopener: Reopener) => Promise<T>,
): Promise<T> {
  const { connection, settings } = session;
  const queues = new StageQueues(connection, settings.prefix, ledger.batch);
  try {
    const models = await lastModels(settings);
    return await work({
      ledger,
      account,
      out,
      queues,
      rewrite: new RewriteLedger(connection, ledger, account),
      categoryOf: categoryFinder(models),
      priceOf: priceGuesser(models),
    });
  } finally {
    await queues.close();
  }
}
