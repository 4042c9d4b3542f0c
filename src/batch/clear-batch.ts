import { AccountLedger } from '../ledger/account-ledger.js';
import { BatchLedger } from '../ledger/batch-ledger.js';
import { type BatchMeta, isOver } from '../ledger/batch-meta.js';
import { clearFolder, type FolderShare } from '../results/clear-folder.js';
import { readJournal } from '../results/journal.js';
import { manifestPath } from '../results/manifest.js';
import { ownerOf } from '../results/output-folder.js';
import { readReport } from '../results/run-report.js';
import { linesReported } from '../results/verify/check-manifest.js';
import { bytesOf, readLines } from '../shared/read-lines.js';
import { addMissingJobs } from './add-jobs.js';
import { type BatchContext, withQueues } from './batch-context.js';

type StateOfBatches = Pick<BatchContext, 'redis' | 'prefix'>;

/** What became of a batch that was to be forgotten. */
export type Forgetting =
  | { kind: 'forgotten'; meta: BatchMeta }
  /** Nothing was changed: it has work left, or lines that are not in its manifest yet. */
  | { kind: 'open'; meta: BatchMeta }
  /** Redis does not know it. */
  | { kind: 'unknown' };

/** Forgets a batch that is over, whichever account it belongs to; its files stay. Safe to repeat. */
export async function forgetFinished(store: StateOfBatches, batch: string): Promise<Forgetting> {
  const { redis, prefix } = store;
  const nobody = new AccountLedger(redis, prefix, 'nobody');
  const meta = await new BatchLedger(redis, prefix, batch, nobody).meta();
  if (meta === null) return { kind: 'unknown' };
  const ledger = new BatchLedger(
    redis,
    prefix,
    batch,
    new AccountLedger(redis, prefix, meta.account),
  );
  if (!isOver(meta) || (await ledger.outbox.length()) > 0) return { kind: 'open', meta };
  return withQueues(store, batch, async (queues) => {
    // Before the batch: what a kill in between leaves can be forgotten once more.
    await queues.obliterate();
    if ((await ledger.forgetOver()) === 'forgotten') return { kind: 'forgotten', meta };
    // Somebody has opened briefs of it meanwhile: they get back the jobs that went.
    await addMissingJobs({ ledger, queues });
    return { kind: 'open', meta };
  });
}

/** What became of a batch that was to be cleared away with its results. */
export type Clearing =
  | ({ kind: 'cleared' } & FolderShare)
  /** Nothing was changed: it is under way, as far as Redis or its folder tells. */
  | { kind: 'open' }
  /** Nothing was changed: the folder holds none, or another batch. */
  | { kind: 'not_its_folder'; owner: string | null };

/**
 * Clears a batch away that is over: what Redis has of it, and with `results` all that it has left in its folder, but for
 * what was approved and handed over. Safe to repeat after a kill.
 * @param folder absolute
 * @throws BatchError `batch_conflict` where the folder has a file under one of our names that somebody else wrote
 */
export async function clearBatch(
  store: StateOfBatches,
  { batch, folder }: { batch: string; folder: string },
  files: 'results' | 'kept',
): Promise<Clearing> {
  const owner = files === 'results' ? await ownerOf(folder) : batch;
  if (owner !== batch) return { kind: 'not_its_folder', owner };
  const forgetting = await forgetFinished(store, batch);
  if (forgetting.kind === 'open') return { kind: 'open' };
  if (files === 'kept') return { kind: 'cleared', files: 0, bytes: 0 };
  if (forgetting.kind === 'unknown' && (await standsIn(folder)) === 'open') return { kind: 'open' };
  return { kind: 'cleared', ...(await clearFolder(folder, 'results')) };
}

/**
 * Where a batch stands as its folder alone tells it, for one that Redis does not know: another Redis may be working on it.
 * One that was begun again since its last report is open; so is one without a report.
 */
export async function standsIn(folder: string): Promise<'over' | 'open'> {
  const report = await readReport(folder);
  if (report === null || report.state !== 'finished') return 'open';
  const journal = await readJournal(folder, 0, async () => new Set());
  const latestRun = Math.max(0, ...(journal?.runs ?? []).map(({ run }) => run));
  if (latestRun > Math.max(0, ...report.runs.map(({ run }) => run))) return 'open';
  if (journal !== null && journal.manifest > journal.settled) return 'open';
  // Half cleared away, it has no manifest any more.
  if ((await bytesOf(manifestPath(folder))) === 0) return 'over';
  let lines = 0;
  for await (const { end } of readLines(manifestPath(folder))) if (end === 'newline') lines += 1;
  return lines < linesReported(report) ? 'open' : 'over';
}
