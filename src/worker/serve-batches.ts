import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { AccountLedger } from '../shared/ledger/account-ledger.js';
import { BatchLedger } from '../shared/ledger/batch-ledger.js';
import type { BatchMeta } from '../shared/ledger/batch-meta.js';
import { batchesKey } from '../shared/ledger/keys.js';
import { ownerOf } from '../shared/output-folder.js';
import type { Notify } from './notice.js';
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
  stopping: AbortSignal;
}

const lookEveryMs = 1_000;

/** Works on every open batch of this account, old and new, until told to stop. */
export async function serveBatches(serving: Serving): Promise<void> {
  while (!serving.stopping.aborted) {
    await look(serving).catch((error: unknown) => {
      serving.log.warn({ err: error }, 'could not look for batches');
    });
    await sleep(lookEveryMs, undefined, { signal: serving.stopping }).catch((error: unknown) => {
      if (!serving.stopping.aborted) throw error;
    });
  }
}

async function look(serving: Serving): Promise<void> {
  const open = await openBatches(serving);
  const placeless = countPlaceless(open);
  for (const { meta, ledger } of open) {
    if (serving.worker.has(meta.name)) continue;
    // One batch whose folder is full or gone does not keep the others waiting.
    await begin(serving, { meta, ledger, placeless }).catch((error: unknown) => {
      serving.log.warn({ err: error, batch: meta.name }, 'could not begin with this batch');
    });
  }
  const names = new Set(open.map(({ meta }) => meta.name));
  for (const batch of serving.worker.attached) {
    if (names.has(batch)) continue;
    await serving.worker.detach(batch);
    serving.log.info({ batch }, 'batch finished');
  }
}

async function begin(serving: Serving, opened: OpenBatch & { placeless: number }): Promise<void> {
  const { name: batch, origin, account, nonce, createdAt } = opened.meta;
  const out = await placeFor(serving, opened);
  if (out === null && serving.collects === 'collects') {
    serving.log.warn({ batch }, 'this batch names no folder: give the worker --out');
    return;
  }
  const header = { batch, origin, account, nonce, createdAt };
  await serving.worker.attach({ header, out, notify: serving.notifyFor(batch) });
  serving.log.info({ batch, out }, 'working on batch');
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
    if (meta?.account === account.account && !meta.finalized) open.push({ meta, ledger });
  }
  return open;
}

function countPlaceless(open: OpenBatch[]): number {
  return open.filter(({ meta }) => meta.out === '').length;
}

/** Where a batch's results go; a batch without a place of its own keeps the first one it gets. */
async function placeFor(
  serving: Serving,
  { meta, ledger, placeless }: OpenBatch & { placeless: number },
): Promise<string | null> {
  if (serving.collects === 'leaves_files_to_others') return null;
  if (meta.out !== '') return meta.out;
  if (serving.out === null) return null;
  const owner = await ownerOf(serving.out);
  const alone = placeless === 1 && (owner === null || owner === meta.name);
  return ledger.keepPlace(alone ? serving.out : join(serving.out, meta.name));
}
