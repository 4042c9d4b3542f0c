import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { BatchLedger } from '../ledger/batch-ledger.js';
import { type BatchIdentity, type BatchMeta, isOver, neverSent } from '../ledger/batch-meta.js';
import { fileNames } from '../results/file-names.js';
import {
  emptyJournal,
  Journal,
  type JournalContent,
  type JournalHeader,
  journalPath,
  readJournalHeader,
} from '../results/journal.js';
import { manifestPath } from '../results/manifest.js';
import { publish, withdraw } from '../results/mirror.js';
import { holdsLife, ownerOf } from '../results/output-folder.js';
import { addressOf, beginOutput, type OutputPlaces, openOutput } from '../results/output-places.js';
import { BatchError } from '../shared/errors.js';
import type { StageQueues } from '../shared/queues.js';
import { bytesOf, readLines } from '../shared/read-lines.js';
import { isSimulated } from '../shared/simulated.js';
import { writeFileDurably } from '../shared/write-file-durably.js';
import { addMissingJobs } from './add-jobs.js';
import { adoptFolder, type LocalBatch } from './adopt-folder.js';
import { type BatchContext, withQueues } from './batch-context.js';
import { keepFolder, requireFolder } from './keep-folder.js';

export interface LifeRequest {
  ledger: BatchLedger;
  /** Absolute folder, or '' where the workers choose, or another machine has it. */
  out: string;
  /** Whether whoever asks has said where the results are, and says so again the next time. */
  place: 'named' | 'unnamed';
  mode: 'go_on' | 'fresh';
}

export interface Life {
  meta: BatchMeta;
  /** What the folder knows that was not admitted yet, until the whole input was once; null otherwise. */
  journal: JournalContent | null;
}

/**
 * Opens a batch: as it stands in Redis, with what its folder knows beyond that (S1); or, with `fresh`, anew on purpose,
 * under keys that the API has not seen.
 * @throws BatchError `batch_conflict`
 */
export async function openLife(context: BatchContext, request: LifeRequest): Promise<Life> {
  const { ledger, out, place, mode } = request;
  const {
    origin,
    account: { account },
  } = context;
  if (out !== '') await requireFolder(ledger, out);
  if (mode === 'fresh') await startAnew(context, request);
  await dropForgetful(context, request);
  await dropRemains(context, ledger);
  await rebindUnused(context, request);
  const header = out === '' ? null : await readJournalHeader(out);
  if (header) checkHeader(context, request, header);
  const nonce = header?.nonce ?? (mode === 'fresh' ? newNonce() : '');
  const createdAt = header?.createdAt ?? context.clock.now();
  const requestIds = header?.requestIds ?? 'given';
  const identity = { origin, account, out: await addressOf(out), nonce, createdAt, requestIds };
  const meta = await bindBatch(context, { ledger, out }, identity);
  if (out === '') return { meta: await withoutFolder(ledger, meta, place), journal: null };
  await (await Journal.open(out, journalHeader(meta))).close();
  const life = await withQueues(context, ledger.batch, (queues) =>
    adopt(context, { ledger, queues, out }, { meta, identity, found: header }),
  );
  await publish(out);
  return life;
}

/**
 * Whoever names no folder cannot take back from it what has left Redis, and all of it would be taken for new (S1): where
 * something is queued so, a batch stays in Redis as a whole.
 * @throws BatchError `batch_conflict` for one that has left
 */
async function withoutFolder(
  ledger: BatchLedger,
  meta: BatchMeta,
  place: LifeRequest['place'],
): Promise<BatchMeta> {
  if (!meta.placeless && place === 'unnamed') await ledger.set({ placeless: 1 });
  const now = (await ledger.meta()) ?? meta;
  if (!now.shelved) return now;
  throw new BatchError(
    'batch_conflict',
    `Batch ${meta.name} is finished, and what it made is known from its folder alone: give this command with --out ${meta.out}, on a machine that has it, or give this batch another name with --batch. Nothing was queued.`,
  );
}

/** @param found the journal's; null where there was none */
async function adopt(
  context: BatchContext,
  batch: LocalBatch,
  {
    meta,
    identity,
    found,
  }: { meta: BatchMeta; identity: BatchIdentity; found: JournalHeader | null },
): Promise<Life> {
  const { ledger, queues, out } = batch;
  const adoption = await adoptFolder(batch);
  if (adoption.kind !== 'adopted') {
    // What is in the folder is not this life, or not all of it: from here on it is as if Redis were lost, and what is
    // gone from the file goes through once more, under the keys that it was paid with.
    const kept =
      adoption.kind === 'lines_gone' ? await keepKeys(out, meta, identity, found) : identity;
    await queues.obliterate();
    await ledger.forget();
    const anew = await bindBatch(context, batch, kept);
    return adopt(context, batch, { meta: anew, identity: kept, found });
  }
  const now = (await ledger.meta()) ?? meta;
  if (meta.folder === 'known') return { meta: now, journal: null };
  const { journal, lines, earliest } = adoption;
  if (found !== null || meta.folder !== 'adopting' || lines === 0) return { meta: now, journal };
  // The journal is gone as well: any brief without a line may have been sent since the first was admitted.
  const header = { ...journalHeader(meta), createdAt: earliest };
  await rm(journalPath(out), { force: true });
  const begun = await Journal.open(out, header);
  await begun.note({ elsewhere: true });
  await begun.close();
  return { meta: now, journal: { ...emptyJournal(header), elsewhere: true } };
}

/**
 * The identity of a batch whose lines are gone. Where the journal went with them, Redis alone knows its keys, and any
 * brief may have been sent since it began; written down before Redis forgets it (S1).
 */
async function keepKeys(
  out: string,
  meta: BatchMeta,
  identity: BatchIdentity,
  found: JournalHeader | null,
): Promise<BatchIdentity> {
  if (found === null) {
    const journal = await Journal.open(out, journalHeader(meta));
    await journal.note({ elsewhere: true });
    await journal.close();
  }
  return { ...identity, nonce: meta.nonce, createdAt: meta.createdAt, requestIds: meta.requestIds };
}

/** What stands at the head of a batch's journal. */
export function journalHeader(meta: BatchMeta): JournalHeader {
  const { name: batch, origin, account, nonce, createdAt, requestIds } = meta;
  return { batch, origin, account, nonce, createdAt, requestIds };
}

/**
 * What a Redis that deletes keys has left of a batch goes as well: its folder tells more, and with what is left here it
 * would be taken for all that there was (S1).
 */
async function dropRemains(context: BatchContext, ledger: BatchLedger): Promise<void> {
  const missing = await ledger.findMissing();
  if (missing === 'none') return;
  await withQueues(context, ledger.batch, (queues) =>
    missing === 'whole' ? giveJobsBack(ledger, queues) : queues.removeKeys(),
  );
  if (missing !== 'whole') await ledger.forget();
}

/** Once all of a batch is admitted, whatever is pending has a job, unless Redis has deleted it (S3, S4). */
async function giveJobsBack(ledger: BatchLedger, queues: StageQueues): Promise<void> {
  const meta = await ledger.meta();
  if (meta === null || meta.stage === 'admitting' || (await ledger.reopened.any())) return;
  if ((await queues.count()) >= meta.pending) return;
  await addMissingJobs({ ledger, queues });
}

/**
 * A batch of which the API never took anything may change its API and key: the first try with a mistyped one
 * would otherwise bind it for life.
 */
async function rebindUnused(
  { origin, account: { account } }: BatchContext,
  { ledger, out }: LifeRequest,
): Promise<void> {
  const meta = await ledger.meta();
  if (!meta || (meta.origin === origin && meta.account === account)) return;
  const used = meta.accepted || meta.pending < meta.admitted;
  if (used || (await ledger.inFlightUnder(meta.account)) > 0) return;
  await ledger.set({ origin, account });
  if (out !== '') await rm(journalPath(out), { force: true });
}

/**
 * A life that was queued without a look into this folder gives way to the one that is in it. Nobody works on
 * it: workers refuse it for the same reason (S1).
 */
async function dropForgetful(context: BatchContext, { ledger, out }: LifeRequest): Promise<void> {
  const meta = await ledger.meta();
  if (!meta || out === '') return;
  if (meta.out !== '' && meta.out !== (await addressOf(out))) return;
  if (!(await holdsEarlierLife(meta, out))) return;
  if (!neverSent(meta) || meta.stage === 'admitting') {
    throw new BatchError(
      'batch_conflict',
      `Batch ${ledger.batch} was queued without its folder ${out}, which holds an earlier run of it, and it has begun elsewhere or is still being queued. Let it finish, or give this batch another name with --batch.`,
    );
  }
  // The jobs first: one that a crash left behind would send beside what is adopted (S1).
  await withQueues(context, ledger.batch, (queues) => queues.obliterate());
  await ledger.dropUnsent();
}

/** A finished life is put aside; one that is not finished goes on, because its tasks may be paid. */
async function startAnew(
  { origin, account: { account }, clock }: BatchContext,
  { ledger, out }: LifeRequest,
): Promise<void> {
  if (!(await beginsAnew({ ledger, out }))) return;
  if (await ledger.meta()) await ledger.forget();
  if (out === '') return;
  await archiveResults(out);
  const { batch } = ledger;
  const life = { nonce: newNonce(), createdAt: clock.now(), requestIds: 'given' } as const;
  const header = { batch, origin, account, ...life };
  // In place of the old one in one step: whenever it is cut off, the folder has a journal, and with it a nonce (S1).
  await Journal.beginAnew(out, header);
}

/** Whether opening the batch with `fresh` would put something aside. @throws BatchError `batch_conflict` */
export async function forgetsResults(
  request: Pick<LifeRequest, 'ledger' | 'out'>,
): Promise<boolean> {
  if (!(await beginsAnew(request))) return false;
  const admitted = (await request.ledger.meta())?.admitted ?? 0;
  return admitted > 0 || (await ownerOf(request.out)) !== null;
}

async function beginsAnew({ ledger, out }: Pick<LifeRequest, 'ledger' | 'out'>): Promise<boolean> {
  const meta = await ledger.meta();
  if (meta && !isOver(meta)) {
    if (meta.nonce !== '') return false;
    throw new BatchError(
      'batch_conflict',
      `Batch ${ledger.batch} is not finished: let it finish or cancel it before a fresh start, which pays for everything again.`,
    );
  }
  return meta !== null || out === '' || !(await readJournalHeader(out))?.nonce;
}

function newNonce(): string {
  return randomBytes(4).toString('hex');
}

function checkHeader(
  { origin, account: { account } }: BatchContext,
  { ledger: { batch }, out }: LifeRequest,
  header: JournalHeader,
): void {
  if (header.origin === origin && header.account === account) return;
  const otherOrigin = isSimulated(header) ? '--simulate' : header.origin;
  const what = header.origin === origin ? 'another API key' : otherOrigin;
  throw new BatchError(
    'batch_conflict',
    `The folder ${out} holds batch ${batch} as it was run with ${what}. Use that again, or give this batch another folder with --out.`,
  );
}

/**
 * Creates the batch or finds it as it was: a batch keeps its API, its key and its folder for life, because
 * its idempotency keys and its manifest belong to them (S1).
 * @param request with the identity's place as it is on this machine
 * @throws BatchError `batch_conflict`
 */
async function bindBatch(
  { places }: BatchContext,
  { ledger, out: folder }: Pick<LifeRequest, 'ledger' | 'out'>,
  identity: BatchIdentity,
): Promise<BatchMeta> {
  await ledger.open(identity);
  const meta = await ledger.meta();
  if (!meta)
    throw new BatchError(
      'internal',
      `Batch ${ledger.batch} was deleted while it was opened: give the same command again.`,
    );
  const { batch } = ledger;
  if (meta.origin !== identity.origin) {
    throw conflict(
      batch,
      isSimulated(meta) ? 'was simulated' : `runs against ${meta.origin}, not ${identity.origin}`,
    );
  }
  if (meta.account !== identity.account) {
    throw conflict(batch, 'was started with another API key');
  }
  if (meta.out === '' && identity.out !== '') {
    // Its results had no place of their own so far: they have one now.
    await ledger.set({ out: identity.out });
    return { ...meta, out: identity.out };
  }
  if (identity.out !== '' && meta.out !== identity.out) {
    const before = await openOutput(places, meta.out);
    const moved = (await ownerOf(before.folder)) === null;
    if (!moved || !(await holdsLife(folder, { ...meta, batch }))) {
      throw conflict(batch, `writes its results to ${meta.out}, not ${identity.out}`);
    }
    // The folder was moved: with its journal and its manifest it goes on where it is now.
    await ledger.set({ out: identity.out });
    return { ...meta, out: identity.out };
  }
  return meta;
}

function conflict(batch: string, how: string): BatchError {
  return new BatchError(
    'batch_conflict',
    `Batch ${batch} ${how}. Use what it was started with, or give this batch another name with --batch, and its own --out.`,
  );
}

/**
 * Puts an earlier life's lines into `history.jsonl`; its pictures stay, the new ones get other names. Safe to repeat; the
 * journal stays too, until that of the new life takes its place.
 */
async function archiveResults(out: string): Promise<void> {
  const manifest = manifestPath(out);
  const history = join(out, fileNames.history);
  const bytes = await bytesOf(manifest);
  // A kill may have come between the two files.
  if (bytes > 0 && !(await endsAlike(history, manifest, bytes))) {
    await writeFileDurably(history, linesOf(history, manifest));
  }
  // With a bucket, before they go from it.
  await publish(out);
  await withdraw(out, [
    fileNames.manifest,
    fileNames.table,
    fileNames.report,
    fileNames.rejected,
    fileNames.rejectedTable,
  ]);
}

/** As a whole, not behind it: what a full disk cuts off is in neither file then, and nothing is glued to a torn line. */
async function* linesOf(...paths: string[]): AsyncGenerator<string> {
  for (const path of paths) {
    for await (const { text } of readLines(path)) yield `${text}\n`;
  }
}

async function endsAlike(history: string, manifest: string, bytes: number): Promise<boolean> {
  const begin = (await bytesOf(history)) - bytes;
  if (begin < 0) return false;
  const archived = readLines(history, begin);
  for await (const { text } of readLines(manifest)) {
    const { value } = await archived.next();
    if (value?.text !== text) return archived.return(undefined).then(() => false);
  }
  return archived.return(undefined).then(() => true);
}

/**
 * Whether a folder holds what an earlier life of the batch sent and finished, where this life, queued without
 * a look into it after a lost Redis or `forget`, knows nothing of that, and would pay for it again (S1).
 */
export async function holdsEarlierLife(meta: BatchMeta, out: string): Promise<boolean> {
  const placeless = meta.out === '';
  const owner = placeless ? await ownerOf(out) : null;
  // Read last: a worker that begins this very life beside us leaves a journal before anything else.
  const journal = await readJournalHeader(out);
  if (journal === null) return owner === meta.name;
  if (journal.batch !== meta.name) return false;
  if (journal.createdAt === meta.createdAt && journal.nonce === meta.nonce) return false;
  // Where its journal was lost as well, what it adopted from the manifest got a new one.
  return placeless || neverSent(meta);
}

/** What a worker says of it. */
export function earlierLifeError({ name }: BatchMeta, out: string): BatchError {
  return new BatchError(
    'batch_conflict',
    `Batch ${name} was queued without its folder ${out}, which holds what it sent and finished before. Nothing is sent, because it would be paid again. Queue it again with --out ${out}, and it goes on from there.`,
  );
}

/**
 * The folder of a batch's results where it is on this machine; null where it is elsewhere, or not chosen yet. One in a bucket
 * is here while no other machine keeps it.
 */
export async function localOutput(
  ledger: BatchLedger,
  meta: BatchMeta,
  places: OutputPlaces,
): Promise<string | null> {
  if (meta.out === '') return null;
  const { folder } = await beginOutput(places, meta.out);
  if ((await keepFolder(ledger, folder)).kind === 'elsewhere') return null;
  if ((await ownerOf(folder)) !== meta.name) return null;
  // What is there is not this life's to write over, or to open again (S5).
  return (await holdsEarlierLife(meta, folder)) ? null : folder;
}
