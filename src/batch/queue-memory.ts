import { admittedContent } from '../shared/brief.js';
import { BatchError } from '../shared/errors.js';
import { formatBytes, grouped } from '../shared/quantities.js';
import { readRedisFacts } from '../shared/redis-facts.js';
import type { BatchContext } from './batch-context.js';
import type { OpenedBatch } from './continue-batch.js';

/** What queueing an input takes of Redis. */
export interface QueueMemory {
  /** Briefs that are to be queued. */
  briefs: number;
  neededBytes: number;
  /** Below its `maxmemory`; null where it has none, or does not say. */
  freeBytes: number | null;
}

/** Beside its content and its id: state, job, and their places in hashes and lists. Measured with Redis 7.0. */
const fixedBytes = 585;
/** In a job with a longer id than this, Redis keeps each field apart (`hash-max-listpack-value` is 64), which takes more. */
const longestTogether = 34;
const apartBytes = 355;
/** The key of the state, of the content, and the one in the job. */
const idsKept = 3;
/** Header and end of a text of Redis. */
const textBytes = 6;
/** Of what Redis has free, briefs that wait may take this share: the rest is for making them, and for others. */
const shareToFill = 0.5;
/** A line that waits to be written has taken the place of its brief's content, and holds its row beside its prompt. */
const lineShare = 2.2;

/**
 * What so many briefs of an opened input will take: of those that the batch does not have as they are. Reads the input once
 * more.
 */
export async function queueMemory(opened: OpenedBatch, briefs: number): Promise<QueueMemory> {
  const freeBytes = await freeMemory(opened.context);
  if (briefs === 0) return { briefs, neededBytes: 0, freeBytes };
  const each = await bytesOfEach(opened);
  return { briefs, neededBytes: Math.round(briefs * each), freeBytes };
}

/**
 * Refuses to queue at once what Redis has no room for, before anything of it is queued.
 * @throws BatchError `bad_input`
 */
export async function refuseTooLarge(
  { ledger, comparison }: OpenedBatch,
  { briefs, neededBytes, freeBytes }: QueueMemory,
): Promise<void> {
  if (freeBytes === null || neededBytes <= freeBytes) return;
  // A batch that nothing was ever put into is no batch yet.
  await ledger.dropUnused();
  // What is made anew is opened again at once, whoever makes it.
  const remedy =
    comparison.changed + comparison.forced === 0
      ? 'make them with "run", which queues no more than there is room for, or raise maxmemory'
      : 'raise maxmemory, or make fewer of them at once (--limit)';
  throw new BatchError(
    'bad_input',
    `Queueing ${grouped(briefs)} briefs takes about ${formatBytes(neededBytes)} of Redis' memory, and ${formatBytes(freeBytes)} are free below its maxmemory: ${remedy}. Nothing was queued.`,
  );
}

/** How many briefs of a batch may be without a line while it is run: no more than Redis has room for. */
export async function highWaterOf(opened: OpenedBatch, most: number): Promise<number> {
  const freeBytes = await freeMemory(opened.context);
  if (freeBytes === null) return most;
  const each = (await bytesOfEach(opened)) * lineShare;
  const pending = (await opened.ledger.meta())?.pending ?? 0;
  const fitting = pending + Math.floor((freeBytes * shareToFill) / each);
  return Math.max(1, Math.min(most, fitting));
}

/** On average. */
async function bytesOfEach({ context, request, meta }: OpenedBatch): Promise<number> {
  const inKeys = context.prefix.length + request.batch.length;
  let [count, bytes] = [0, 0];
  for await (const brief of request.input.briefs()) {
    const idBytes = Buffer.byteLength(brief.id);
    count += 1;
    const content = admittedContent(request.batch, brief, meta.requestIds);
    bytes += takenFor(Buffer.byteLength(content) + textBytes);
    bytes += idsKept * idBytes + (idBytes > longestTogether ? apartBytes : 0);
  }
  return fixedBytes + inKeys + bytes / Math.max(1, count);
}

/** Redis' allocator gives out a few sizes: steps of 16 bytes, and above 128 four steps between powers of two. */
function takenFor(bytes: number): number {
  const step = bytes <= 128 ? 16 : 2 ** (Math.ceil(Math.log2(bytes)) - 3);
  return Math.ceil(bytes / step) * step;
}

async function freeMemory({ redis }: Pick<BatchContext, 'redis'>): Promise<number | null> {
  const facts = await readRedisFacts(redis, 'memory');
  const [limit, used] = ['maxmemory', 'used_memory'].map((name) => Number(facts.get(name) ?? 0));
  return limit ? Math.max(0, limit - (used ?? 0)) : null;
}
