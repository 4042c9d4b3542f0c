import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { adoptFolder, refuseOutdated } from '../batch/adopt-folder.js';
import { earlierLifeError, holdsEarlierLife } from '../batch/open-batch.js';
import type { AccountLedger } from '../ledger/account-ledger.js';
import { BatchLedger } from '../ledger/batch-ledger.js';
import { type BatchMeta, isFinalized } from '../ledger/batch-meta.js';
import { batchesKey } from '../ledger/keys.js';
import { ownerOf } from '../results/output-folder.js';
import { BatchError } from '../shared/errors.js';
import { StageQueues } from '../shared/queues.js';
import { NoticeNews, type Notify } from './notices.js';
import type { WorkerProcess } from './worker-process.js';

export interface Serving {
  worker: WorkerProcess;
  connection: Redis;
  prefix: string;
  account: AccountLedger;
  /** For batches that name no place of their own; null where there is none. */
  out: string | null;
  collects: 'collects' | 'leaves_files_to_others';
  log: Logger;
  notifyFor(batch: string): Notify;
  now(): number;
  stopping: AbortSignal;
}

const lookEveryMs = 1_000;

/** Works on every open batch of this account, old and new, until told to stop. */
export async function serveBatches(serving: Serving): Promise<void> {
  const told = new Map<string, NoticeNews>();
  while (!serving.stopping.aborted) {
    await look(serving, told).catch((error: unknown) => {
      serving.log.warn({ err: error }, 'could not look for batches');
    });
    await sleep(lookEveryMs, undefined, { signal: serving.stopping }).catch((error: unknown) => {
      if (!serving.stopping.aborted) throw error;
    });
  }
}

async function look(serving: Serving, told: Map<string, NoticeNews>): Promise<void> {
  const open = await openBatches(serving);
  const placeless = countPlaceless(open);
  for (const opened of open) {
    const { name, out } = opened.meta;
    if (serving.worker.has(name)) continue;
    // Whoever has no folder cannot know what an earlier life of the batch sent: one who has begins with it (S1).
    if (out === '' && serving.collects === 'leaves_files_to_others') continue;
    // One batch whose folder is full or gone does not keep the others waiting.
    await begin(serving, { ...opened, placeless }).catch((error: unknown) =>
      tellNotBegun(serving, opened, { error, told }),
    );
  }
  const lives = new Map(open.map(({ meta }) => [meta.name, meta]));
  for (const name of told.keys()) if (!lives.has(name)) told.delete(name);
  for (const batch of serving.worker.attached) {
    const life = lives.get(batch);
    const loss = serving.worker.lossOf(batch);
    if (life && serving.worker.hasLife(life) && loss === null) continue;
    await serving.worker.detach(batch);
    if (loss === null)
      serving.log.info({ batch }, life ? 'batch was queued anew' : 'batch finished');
  }
}

async function begin(serving: Serving, opened: OpenBatch & { placeless: number }): Promise<void> {
  const { name: batch, origin, account, nonce, createdAt } = opened.meta;
  if ((await opened.ledger.findMissing()) !== 'whole') {
    throw await opened.ledger.explainLoss();
  }
  const out = await placeFor(serving, opened);
  if (out !== null) await compare(serving, opened.ledger, out);
  const header = { batch, origin, account, nonce, createdAt };
  await serving.worker.attach(header, out, serving.notifyFor(batch));
  await opened.ledger.noteNotBegun(null);
  serving.log.info({ batch, out }, 'working on batch');
}

/** Whoever begins with a folder believes it where it knows more than Redis. */
async function compare(
  { connection, prefix }: Serving,
  ledger: BatchLedger,
  out: string,
): Promise<void> {
  const queues = new StageQueues(connection, prefix, ledger.batch);
  try {
    const adopting = { ledger, queues, out };
    refuseOutdated(await adoptFolder(adopting), adopting);
  } finally {
    await queues.close();
  }
}

/** Once a minute, not with every look; to whoever asks for the batch as well. */
async function tellNotBegun(
  { log, now }: Serving,
  { meta, ledger }: OpenBatch,
  { error, told }: { error: unknown; told: Map<string, NoticeNews> },
): Promise<void> {
  const news = told.get(meta.name) ?? new NoticeNews(now);
  told.set(meta.name, news);
  if (news.take({ kind: 'not_begun' }) === 'told') return;
  // What is no trouble of a folder has a stack worth seeing.
  const reason = error instanceof Error ? error.message : String(error);
  const trouble = error instanceof BatchError ? { reason } : { err: error };
  log.warn({ ...trouble, batch: meta.name }, 'could not begin with this batch');
  await ledger.noteNotBegun(reason);
}

interface OpenBatch {
  meta: BatchMeta;
  ledger: BatchLedger;
}

async function openBatches(serving: Serving): Promise<OpenBatch[]> {
  const { connection, prefix, account } = serving;
  const names = await connection.smembers(batchesKey(prefix));
  const open: OpenBatch[] = [];
  for (const name of names.sort()) {
    const ledger = new BatchLedger(connection, prefix, name, account);
    const meta = await ledger.meta();
    if (meta?.account === account.account && !isFinalized(meta)) open.push({ meta, ledger });
  }
  return open;
}

function countPlaceless(open: OpenBatch[]): number {
  return open.filter(({ meta }) => meta.out === '').length;
}

/**
 * Where a batch's results go; null where this process writes none. A batch without a place of its own keeps the
 * first one it gets, unless an earlier life of it is there.
 * @throws BatchError `batch_conflict`, `output_unusable`
 */
async function placeFor(
  { collects, out }: Serving,
  { meta, ledger, placeless }: OpenBatch & { placeless: number },
): Promise<string | null> {
  if (collects === 'leaves_files_to_others') return null;
  if (meta.out !== '') {
    await refuseEarlierLife(meta, meta.out);
    return meta.out;
  }
  if (out === null) {
    throw new BatchError('output_unusable', 'It names no folder: give the worker --out.');
  }
  const own = join(out, meta.name);
  // An earlier life may have been alone, or not.
  for (const place of [out, own]) await refuseEarlierLife(meta, place);
  const owner = await ownerOf(out);
  const alone = placeless === 1 && (owner === null || owner === meta.name);
  return ledger.keepPlace(alone ? out : own);
}

async function refuseEarlierLife(meta: BatchMeta, place: string): Promise<void> {
  if (await holdsEarlierLife(meta, place)) throw earlierLifeError(meta, place);
}
