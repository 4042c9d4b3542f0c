import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { adoptFolder, refuseOutdated } from '../batch/adopt-folder.js';
import { keepFolder } from '../batch/keep-folder.js';
import { earlierLifeError, holdsEarlierLife, journalHeader } from '../batch/open-batch.js';
import { isBucketAddress } from '../bucket/bucket-address.js';
import type { AccountLedger } from '../ledger/account-ledger.js';
import { BatchLedger } from '../ledger/batch-ledger.js';
import { type BatchMeta, isFinalized } from '../ledger/batch-meta.js';
import { batchesKey } from '../ledger/keys.js';
import { ownerOf } from '../results/output-folder.js';
import { beginOutput, folderOf, type OutputPlaces, openOutput } from '../results/output-places.js';
import { BatchError } from '../shared/errors.js';
import { StageQueues } from '../shared/queues.js';
import { NoticeNews, type Notify } from './notices.js';
import type { BatchPlace, WorkerProcess } from './worker-process.js';

export interface Serving {
  worker: WorkerProcess;
  connection: Redis;
  prefix: string;
  account: AccountLedger;
  /** For batches that name no place of their own: a folder, or an address in a bucket; null where there is none. */
  out: string | null;
  places: OutputPlaces;
  collects: 'collects' | 'leaves_files_to_others';
  log: Logger;
  notifyFor(batch: string): Notify;
  now(): number;
  stopping: AbortSignal;
}

/** With news, batches are looked at at once; without, one of them in turn, should news ever be lost. */
const lookAroundMs = 30_000;
/** Batches that could not be begun with are tried again this often. */
const tryAgainMs = 5_000;
/** News of one moment is acted upon together. */
const gatherMs = 100;

/** Works on every open batch of this account, old and new, until told to stop. */
export async function serveBatches(serving: Serving): Promise<void> {
  const { worker, stopping, log } = serving;
  const batches = new KnownBatches(serving);
  const unlisten = worker.news.listen((news) => {
    if (news.about === 'batch') batches.expect(news.name);
    if (news.about === 'all') batches.expectAll();
  });
  try {
    while (!stopping.aborted) {
      try {
        await serveDue(serving, batches);
      } catch (error) {
        log.warn({ err: error }, 'could not look for batches');
        batches.expectAll();
        await sleep(lookAgainMs);
      }
      await batches.change(stopping);
    }
  } finally {
    unlisten();
  }
}
/** After Redis could not be asked. */
const lookAgainMs = 1_000;

/** The batches of a Redis as this process last saw them, and which of them are to be looked at. */
class KnownBatches {
  /** Null for one that is none of ours, or is over. */
  readonly open = new Map<string, OpenBatch | null>();
  /** Those that could not be begun with, and what was told of them. */
  readonly notBegun = new Map<string, NoticeNews>();
  private due: Set<string> | 'all' = 'all';
  private changed = new AbortController();

  constructor(private readonly serving: Serving) {}

  expect(name: string): void {
    if (this.due !== 'all') this.due.add(name);
    this.changed.abort();
  }

  expectAll(): void {
    this.due = 'all';
    this.changed.abort();
  }

  get placeless(): number {
    return [...this.open.values()].filter((batch) => batch?.meta.out === '').length;
  }

  /** Looks at those that are due; returns their names. */
  async look(): Promise<Set<string>> {
    const { connection, prefix } = this.serving;
    const { due } = this;
    this.due = new Set();
    this.changed = new AbortController();
    const names = due === 'all' ? await connection.smembers(batchesKey(prefix)) : [...due];
    if (due === 'all') for (const name of this.open.keys()) names.push(name);
    const seen = new Set(names.sort());
    for (const name of seen) this.open.set(name, await this.read(name));
    return seen;
  }

  private async read(name: string): Promise<OpenBatch | null> {
    const { connection, prefix, account } = this.serving;
    const ledger = new BatchLedger(connection, prefix, name, account);
    const meta = await ledger.meta();
    if (meta?.account !== account.account || isFinalized(meta)) return null;
    return { meta, ledger };
  }

  /** Resolves when there is something to look at. */
  async change(stopping: AbortSignal): Promise<void> {
    const signal = AbortSignal.any([this.changed.signal, stopping]);
    const withinMs = this.notBegun.size > 0 ? tryAgainMs : lookAroundMs;
    const change = await sleep(withinMs, 'none' as const, { signal }).catch(() => 'some' as const);
    if (stopping.aborted) return;
    for (const name of this.notBegun.keys()) this.expect(name);
    if (change === 'some') {
      await sleep(gatherMs);
      return;
    }
    const [oldest] = this.open;
    if (oldest === undefined) return this.expectAll();
    // To the end of the line.
    this.open.delete(oldest[0]);
    this.open.set(...oldest);
    this.expect(oldest[0]);
  }
}

async function serveDue(serving: Serving, batches: KnownBatches): Promise<void> {
  const { worker, log } = serving;
  const seen = await batches.look();
  for (const name of seen) {
    const opened = batches.open.get(name) ?? null;
    if (opened === null) batches.notBegun.delete(name);
    if (opened === null || worker.has(name)) continue;
    // Whoever has no folder cannot know what an earlier life of the batch sent: one who has begins with it (S1).
    if (opened.meta.out === '' && serving.collects === 'leaves_files_to_others') continue;
    // One batch whose folder is full or gone does not keep the others waiting.
    await begin(serving, opened, batches.placeless).then(
      () => batches.notBegun.delete(name),
      (error: unknown) => tellNotBegun(serving, opened, { error, told: batches.notBegun }),
    );
  }
  for (const name of worker.attached) {
    const loss = worker.lossOf(name);
    if (!seen.has(name) && loss === null) continue;
    const life = batches.open.get(name);
    if (life && worker.hasLife(life.meta) && loss === null) {
      if (!(await hasMoved(serving, life))) continue;
      log.info({ batch: name }, 'the folder of this batch is kept by another machine than before');
    }
    await worker.detach(name);
    // Begun anew, where there is something to begin with.
    batches.expect(name);
    if (loss === null && !(life && worker.hasLife(life.meta))) {
      log.info({ batch: name }, life ? 'batch was queued again' : 'batch finished');
    }
  }
}

async function begin(serving: Serving, opened: OpenBatch, placeless: number): Promise<void> {
  const header = journalHeader(opened.meta);
  const { batch } = header;
  if ((await opened.ledger.findMissing()) !== 'whole') {
    throw await opened.ledger.explainLoss();
  }
  const place = await placeFor(serving, opened, placeless);
  if (place?.lines === 'here') await compare(serving, opened.ledger, place.folder);
  await serving.worker.attach(header, place, serving.notifyFor(batch));
  await opened.ledger.noteNotBegun(null);
  serving.log.info({ batch, out: place?.folder ?? null, lines: place?.lines }, 'working on batch');
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

/**
 * Where a batch's results go; null where this process writes none. A batch without a place of its own keeps the
 * first one it gets, unless an earlier life of it is there.
 * @throws BatchError `batch_conflict`, `output_unusable`
 */
async function placeFor(
  serving: Serving,
  opened: OpenBatch,
  placeless: number,
): Promise<BatchPlace | null> {
  if (serving.collects === 'leaves_files_to_others') return null;
  const { meta, ledger } = opened;
  const chosen = meta.out === '' ? await choosePlace(serving, opened, placeless) : meta.out;
  const { folder } = await beginOutput(serving.places, chosen);
  const kept = await keepFolder(ledger, folder, 'worker');
  if (kept.kind === 'elsewhere') return { folder, lines: 'elsewhere' };
  await refuseEarlierLife(meta, folder);
  return { folder, lines: 'here' };
}

async function choosePlace(
  { out, places }: Serving,
  { meta, ledger }: OpenBatch,
  placeless: number,
): Promise<string> {
  if (out === null) {
    throw new BatchError('output_unusable', 'It names no folder: give the worker --out.');
  }
  const whole = await openOutput(places, out);
  const own = await openOutput(
    places,
    isBucketAddress(out) ? `${out}/${meta.name}` : join(out, meta.name),
  );
  // An earlier life may have been alone, or not.
  for (const { folder } of [whole, own]) await refuseEarlierLife(meta, folder);
  const owner = await ownerOf(whole.folder);
  const alone = placeless === 1 && (owner === null || owner === meta.name);
  return ledger.keepPlace(alone ? whole.address : own.address);
}

/**
 * Whether a batch that is worked on here is to be begun with anew: its folder, in a bucket, has come to this machine, because
 * another one is gone, or has left it.
 */
async function hasMoved(
  { worker, places, collects }: Serving,
  { meta, ledger }: OpenBatch,
): Promise<boolean> {
  if (collects === 'leaves_files_to_others' || !isBucketAddress(meta.out)) return false;
  const kept = await keepFolder(ledger, folderOf(places, meta.out), 'worker');
  return (kept.kind === 'here') !== worker.writesLines(meta.name);
}

async function refuseEarlierLife(meta: BatchMeta, place: string): Promise<void> {
  if (await holdsEarlierLife(meta, place)) throw earlierLifeError(meta, place);
}
