import { isBucketAddress } from '../bucket/bucket-address.js';
import { AccountLedger } from '../ledger/account-ledger.js';
import { BatchLedger } from '../ledger/batch-ledger.js';
import { type BatchMeta, isFinalized } from '../ledger/batch-meta.js';
import { batchesKey, batchKeys } from '../ledger/keys.js';
import { Journal } from '../results/journal.js';
import { manifestPath, readManifest } from '../results/manifest.js';
import { mirrorAt, publish } from '../results/mirror.js';
import { holdsLife } from '../results/output-folder.js';
import type { OutputPlaces } from '../results/output-places.js';
import { BatchError } from '../shared/errors.js';
import { bytesOf } from '../shared/read-lines.js';
import { addMissingJobs } from './add-jobs.js';
import { type BatchContext, withQueues } from './batch-context.js';
import { localOutput } from './open-batch.js';

type StateOfBatches = Pick<BatchContext, 'redis' | 'prefix'>;
type PlacedBatches = StateOfBatches & { places: OutputPlaces };

/** So long after its end, or after somebody took it back, a batch leaves Redis. */
const keptMs = 7 * 24 * 60 * 60_000;
const namesAtOnce = 500;
type Shelving =
  | 'shelved'
  /** Something of it is left to be done, or its folder is not as Redis knows it, or its bucket is out of reach. */
  | 'stays'
  /** Its folder is not on this machine. */
  | 'elsewhere';

/**
 * Lets batches leave Redis that ended long ago and whose folders are on this machine, or in a bucket: their folders say
 * what they made, and Redis keeps a record of each (`shelve.lua`). Whoever needs their briefs takes them back from there (`adoptFolder`).
 * Safe to repeat, and beside others.
 * @param most so many have their manifests read, of any that are due: one that cannot leave keeps no other from it
 * @returns how many have left
 */
export async function shelveFinished(
  store: PlacedBatches,
  { nowMs, most, stopping }: { nowMs: number; most: number; stopping?: AbortSignal },
): Promise<number> {
  const endedBy = nowMs - keptMs;
  const counts = { shelved: 0, stays: 0, elsewhere: 0 };
  for (const name of await endedBatches(store, endedBy)) {
    if (counts.shelved + counts.stays >= most || stopping?.aborted) break;
    counts[await shelveBatch(store, name, endedBy)] += 1;
  }
  return counts.shelved;
}

/** Names of batches that ended by then and have not left, in the order of their ends, from anywhere on. */
async function endedBatches({ redis, prefix }: StateOfBatches, endedBy: number): Promise<string[]> {
  const all = await redis.smembers(batchesKey(prefix));
  const ended: { name: string; at: number }[] = [];
  for (let from = 0; from < all.length; from += namesAtOnce) {
    const some = all.slice(from, from + namesAtOnce);
    const looking = redis.pipeline();
    const fields = ['ended_at', 'shelved', 'placeless', 'lines:unknown'];
    for (const name of some) looking.hmget(batchKeys(prefix, name).meta, ...fields);
    for (const [index, [error, reply]] of ((await looking.exec()) ?? []).entries()) {
      if (error) throw error;
      const [at, shelved, placeless, unknown] = reply as (string | null)[];
      const stays = !at || Boolean(shelved) || Boolean(placeless) || Number(unknown ?? 0) > 0;
      if (!stays && Number(at) <= endedBy) ended.push({ name: some[index] ?? '', at: Number(at) });
    }
  }
  const names = ended.sort((left, right) => left.at - right.at).map(({ name }) => name);
  const first = Math.floor(Math.random() * names.length);
  return [...names.slice(first), ...names.slice(0, first)];
}

/**
 * Lets a batch leave Redis that ended by then and whose folder has all of it: every brief its line, and its journal says
 * that it is this life of the batch. Of one in a bucket, that is what the bucket holds now.
 */
export async function shelveBatch(
  store: PlacedBatches,
  name: string,
  endedBy: number,
): Promise<Shelving> {
  const { redis, prefix, places } = store;
  const nobody = new AccountLedger(redis, prefix, 'nobody');
  const meta = await new BatchLedger(redis, prefix, name, nobody).meta();
  if (meta === null || !isFinalized(meta) || meta.shelved) return 'stays';
  const account = new AccountLedger(redis, prefix, meta.account);
  const ledger = new BatchLedger(redis, prefix, name, account);
  try {
    const out = await localOutput(ledger, meta, places);
    return out === null ? 'elsewhere' : await shelveFolder(store, { ledger, meta, out, endedBy });
  } catch (error) {
    // One that nobody here may read keeps no other batch from leaving.
    const isOutOfReach = error instanceof BatchError && isBucketAddress(meta.out);
    if (isOutOfReach) return 'stays';
    throw error;
  }
}

async function shelveFolder(
  store: StateOfBatches,
  {
    ledger,
    meta,
    out,
    endedBy,
  }: { ledger: BatchLedger; meta: BatchMeta; out: string; endedBy: number },
): Promise<Shelving> {
  const { name, createdAt } = meta;
  await (await mirrorAt(out))?.fetch();
  if (!(await holdsLife(out, { ...meta, batch: name }))) return 'elsewhere';
  const { generation, offset } = await ledger.adoption.marks();
  if (!(await hasAll(out, meta, offset))) return 'stays';
  const files = await noteFiles(ledger, out);
  // Also what this machine had and could not put: what the bucket does not take is none of its.
  await publish(out);
  const mark = { createdAt, endedBy, generation, offset, files };
  return withQueues(store, name, async (queues) => {
    // Before the rest: what a kill in between leaves is whole, and leaves the next time.
    await queues.obliterate();
    const shelved = await ledger.shelve(mark);
    // Somebody has opened briefs of it meanwhile: they get back the jobs that went.
    if (shelved === 'stays') await addMissingJobs({ ledger, queues });
    return shelved;
  });
}

/** Whether a folder's manifest is what Redis knows of it, with a line that can be read for each brief. */
async function hasAll(out: string, { name, admitted }: BatchMeta, bytes: number): Promise<boolean> {
  if ((await bytesOf(manifestPath(out))) !== bytes) return false;
  let lines = 0;
  for await (const found of readManifest(out)) {
    if (found.kind !== 'line' || found.line.batch !== name) return false;
    lines += 1;
  }
  return lines === admitted;
}

/** What a later attempt is made with, for whom the folder is all that there is. */
async function noteFiles(ledger: BatchLedger, out: string): Promise<number> {
  const files = await ledger.references.files();
  if (files.length === 0) return 0;
  const journal = await Journal.openBegun(out);
  if (journal === null) return 0;
  await journal.note(...files.map(({ sha256, ...where }) => ({ file: sha256, ...where })));
  await journal.close();
  return files.length;
}
