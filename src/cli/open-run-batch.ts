import { compareWithBatch } from '../producer/admit-briefs.js';
import type { CompiledInput } from '../producer/compile-input.js';
import { openLife } from '../producer/open-life.js';
import { BatchError } from '../shared/errors.js';
import type { JournalContent } from '../shared/journal.js';
import type { AccountLedger } from '../shared/ledger/account-ledger.js';
import { BatchLedger } from '../shared/ledger/batch-ledger.js';
import type { BatchMeta } from '../shared/ledger/batch-meta.js';
import { StageQueues } from '../shared/queues.js';
import { reopenOverdue } from '../worker/reopen-overdue.js';
import type { InputFlags } from './flags.js';
import { localOutput } from './local-output.js';
import { withReopener } from './open-reopener.js';
import { openAccount, type StoreSession } from './session.js';

export interface RunBatch {
  session: StoreSession;
  ledger: BatchLedger;
  account: AccountLedger;
  /** As it was before this run. */
  meta: BatchMeta;
  /** What an earlier life had sent, where its Redis state is gone. */
  journal: JournalContent | null;
  /** Whether this run has anything to do. */
  news: 'some' | 'none';
  /** Tasks that were given up before and are looked at again, which pays for nothing (S3). */
  reread: number;
}

export interface BatchRequest {
  input: CompiledInput;
  batch: string;
  /** Absolute, or '' for a batch that leaves its place to the workers. */
  out: string;
  files: string[];
  flags: Pick<InputFlags, 'maxCredits' | 'maxCreditsPerDay' | 'fresh'>;
}

const clashesShown = 5;

/**
 * Opens the batch for an input that has been checked, and marks its admission as open when there is
 * something to admit.
 * @throws BatchError `batch_conflict` for a batch or brief that is already something else
 */
export async function openRunBatch(
  session: StoreSession,
  { input, batch, out, files, flags }: BatchRequest,
): Promise<RunBatch> {
  const account = openAccount(session);
  const { connection, settings, clock } = session;
  const ledger = new BatchLedger(connection, settings.prefix, batch, account);
  const { meta: found, journal } = await openLife({
    ledger,
    origin: settings.origin,
    account: account.account,
    out,
    nowMs: clock.now(),
    mode: flags.fresh ? 'fresh' : 'go_on',
    openQueues: () => new StageQueues(connection, settings.prefix, batch),
  });
  const { clashes, fresh } = await compareWithBatch(ledger, input.briefs());
  if (clashes.length > 0) throw clashError(batch, clashes);
  const { meta, reread } = await lookAgain(session, { ledger, account, meta: found });
  const opened = { session, ledger, account, meta, journal, reread };
  const finished = meta.admission === 'complete' && meta.pending === 0 && meta.finalized;
  // A cancelled batch takes no more briefs; what it had submitted is collected all the same (S3).
  if (finished && (fresh === 0 || meta.cancelled)) return { ...opened, news: 'none' };
  if (meta.cancelled) return { ...opened, news: 'some' };
  await ledger.setCaps({ batch: flags.maxCredits, day: flags.maxCreditsPerDay });
  await ledger.markAdmission('open', { sources: JSON.stringify(files) });
  return { ...opened, news: 'some' };
}

async function lookAgain(
  session: StoreSession,
  { ledger, account, meta }: Pick<RunBatch, 'ledger' | 'account' | 'meta'>,
): Promise<Pick<RunBatch, 'meta' | 'reread'>> {
  const out = meta.lines.unknown > 0 ? await localOutput(meta) : null;
  if (out === null) return { meta, reread: 0 };
  const reread = await withReopener(session, { ledger, account, out }, reopenOverdue);
  return { meta: (await ledger.meta()) ?? meta, reread };
}

function clashError(batch: string, clashes: string[]): BatchError {
  const shown = clashes.slice(0, clashesShown).join(', ');
  const more = clashes.length > clashesShown ? ` and ${clashes.length - clashesShown} more` : '';
  return new BatchError(
    'batch_conflict',
    `Batch ${batch} already has these ids with other content: ${shown}${more}. Nothing was sent. Give the changed briefs new ids, or run them as a new batch (--batch and --out).`,
  );
}
