import { realpath } from 'node:fs/promises';
import { AccountLedger } from '../ledger/account-ledger.js';
import { BatchLedger } from '../ledger/batch-ledger.js';
import { type BatchMeta, isOver } from '../ledger/batch-meta.js';
import { batchKeys } from '../ledger/keys.js';
import { type Clearable, clearFolder, type FolderShare } from '../results/clear-folder.js';
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

/** A batch to be cleared away, and where its results are; null where they are out of reach, or none of its business. */
export interface PlacedBatch {
  batch: string;
  /** Absolute. */
  folder: string | null;
}

/** What of a batch's folder goes with what Redis has of it. */
export type FilesToClear = Clearable | 'none';

/** What became of a batch that was to be cleared away. */
export type Clearing =
  | ({ kind: 'cleared' } & FolderShare)
  /** Nothing was changed: it is under way, as far as Redis or its folder tells. */
  | { kind: 'open' }
  /** Nothing was changed: the folder holds none, or another batch. */
  | { kind: 'not_its_folder'; owner: string | null };

/**
 * Clears a batch away that is over: what Redis has of it, and what is to go of its folder. Where Redis has a batch of this
 * name in another folder, that one stays as it is. Safe to repeat after a kill.
 * @throws BatchError `batch_conflict` where the folder has a file under one of our names that somebody else wrote
 */
export async function clearBatch(
  store: StateOfBatches,
  placed: PlacedBatch,
  files: FilesToClear,
): Promise<Clearing> {
  const { batch, folder } = placed;
  const owner = folder === null ? batch : await ownerOf(folder);
  if (owner !== batch) return { kind: 'not_its_folder', owner };
  if ((await standing(store, placed)) === 'open') return { kind: 'open' };
  if ((await metaAt(store, placed)) !== null) {
    const { kind } = await forgetFinished(store, batch);
    if (kind === 'open') return { kind };
  }
  if (folder === null || files === 'none') return { kind: 'cleared', files: 0, bytes: 0 };
  return { kind: 'cleared', ...(await clearFolder(folder, files)) };
}

/** Where a batch stands: as Redis says, where that has the batch of this folder, else as its folder tells. */
export async function standing(
  store: StateOfBatches,
  placed: PlacedBatch,
): Promise<'over' | 'open'> {
  const meta = await metaAt(store, placed);
  if (meta !== null) {
    const unwritten = await store.redis.llen(batchKeys(store.prefix, placed.batch).outbox);
    return isOver(meta) && unwritten === 0 ? 'over' : 'open';
  }
  return placed.folder === null ? 'over' : standsIn(placed.folder);
}

/** What Redis has of a batch, where that is the one in this folder; null for none. */
export async function metaAt(
  { redis, prefix }: StateOfBatches,
  { batch, folder }: PlacedBatch,
): Promise<BatchMeta | null> {
  const nobody = new AccountLedger(redis, prefix, 'nobody');
  const meta = await new BatchLedger(redis, prefix, batch, nobody).meta();
  if (meta === null || folder === null || meta.out === '') return meta;
  const [kept, given] = await Promise.all([meta.out, folder].map(realPathOf));
  return kept === given ? meta : null;
}

function realPathOf(path: string): Promise<string> {
  return realpath(path).catch(() => path);
}

/**
 * Where a batch stands as its folder alone tells it, for one that Redis does not know: another Redis may be working on it.
 * One that was begun again since its last report is open; so is one without a report.
 */
async function standsIn(folder: string): Promise<'over' | 'open'> {
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
