import { isBucketAddress } from '../bucket/bucket-address.js';
import type { BatchLedger, Caps, OpenedRun } from '../ledger/batch-ledger.js';
import { type BatchMeta, isFinalized, type KeptCommand } from '../ledger/batch-meta.js';
import type { Webhook } from '../ledger/message-ledger.js';
import type { CompiledInput } from '../producer/compile-input.js';
import { Journal, type JournalContent } from '../results/journal.js';
import { publish } from '../results/mirror.js';
import { addressOf } from '../results/output-places.js';
import { BatchError } from '../shared/errors.js';
import type { PictureSize } from '../shared/picture-size.js';
import { counted } from '../shared/quantities.js';
import type { StageQueues } from '../shared/queues.js';
import { type AdmissionPace, admitBriefs } from './admit.js';
import { adoptFolder } from './adopt-folder.js';
import { type BatchContext, batchLedger } from './batch-context.js';
import { type Comparison, compareWithBatch, type ForcedRun, foundIn, toQueue } from './compare.js';
import { keepFolder, keepUnlessServed } from './keep-folder.js';
import { leaveFolder } from './leave-folder.js';
import { localOutput, openLife } from './open-batch.js';
import { reopenChanged, reopenOverdue, withReopener } from './reopen.js';

/** What a person is told who runs a cancelled batch. */
export function cancelledSentence(batch: string): string {
  return `Batch ${batch} was cancelled: no more of its briefs are submitted. To make those that were cancelled: rivya-batch retry ${batch} --status cancelled`;
}

/** @throws BatchError `batch_conflict` */
export function refuseCancelled({ name, stage }: BatchMeta): void {
  if (stage === 'cancelled') throw new BatchError('batch_conflict', cancelledSentence(name));
}

/** What somebody wants made in a batch: `run`, `enqueue` or a schedule. */
export interface BatchRequest {
  batch: string;
  /** Absolute, or '' for a batch that leaves its place to the workers. */
  out: string;
  /** Checked as a whole. */
  input: CompiledInput;
  /** Names of its files, as they are shown. */
  sources: readonly string[];
  /** As the batch keeps it for whoever goes on with it; null for what no person can give again. */
  command: KeptCommand | null;
  caps: Caps;
  /** What a picture has to have at least; undefined leaves what the batch has. */
  minSize: PictureSize | 'none' | undefined;
  /** Undefined leaves what the batch has. */
  priority: number | undefined;
  /** Who is told of it; undefined leaves what the batch has. */
  webhook: Webhook | 'none' | undefined;
  /** `fresh`: what a finished batch has made is put aside, and all of it is paid again. */
  mode: 'go_on' | 'fresh';
  /** Whether briefs that have not changed are made anew; `if_cut_off`: where a run that did so was cut off. */
  force: 'all' | 'if_cut_off' | 'none';
  /**
   * What becomes of briefs that the batch has with other content: made anew; that but for those which are being made
   * with their earlier content, for which all is refused; or all is refused for any of them.
   */
  changes: 'made' | 'made_when_idle' | 'refused';
}

/** A batch as a request found it. */
export interface OpenedBatch {
  context: BatchContext;
  request: BatchRequest;
  /** Its results on this machine; '' where they are elsewhere, or nowhere yet. */
  folder: string;
  /** Over which line to Redis: behind another one, Redis may be itself at an earlier time. */
  line: BatchContext['redis']['stream'];
  ledger: BatchLedger;
  /** As it was before this request. */
  meta: BatchMeta;
  /** What an earlier life had sent, where its Redis state is gone. */
  journal: JournalContent | null;
  /** Whether there is anything to do. */
  news: 'some' | 'none';
  /** What the input was to the batch before this request. */
  comparison: Comparison;
  /** How many briefs the batch has once the whole input is admitted. */
  whole: number;
  /** Where everything is made anew. */
  forced: ForcedRun;
  /** Tasks that were given up before and are looked at again, which pays for nothing (S3). */
  reread: number;
}

/**
 * Opens the batch for an input that has been checked, and finds out what has changed since the batch was last run.
 * Nothing is to be made yet: that is for `beginBatch`, once it is sure that it is wanted.
 * @throws BatchError `batch_conflict` for a batch or brief that is already something else
 */
export async function openBatch(context: BatchContext, given: BatchRequest): Promise<OpenedBatch> {
  const { stream: line } = context.redis;
  const ledger = batchLedger(context, given.batch);
  const { input, mode } = given;
  const out = await besideKeeper(ledger, given);
  if (out !== '') await leaveFolder(context, ledger, out);
  const place = given.out === '' ? 'unnamed' : 'named';
  const { meta: found, journal } = await openLife(context, { ledger, out, place, mode });
  const forced = forcedOf(found, given.force);
  const comparison = await compareWithBatch(ledger, found, input, forced);
  refuseChanges(given, comparison);
  // By what it had before that was compared: others may be admitting the same input meanwhile.
  const whole = Math.max(found.admitted, foundIn(comparison)) + comparison.fresh;
  const { meta, reread } = await lookAgain(context, ledger, found);
  const making = toQueue(comparison);
  // A cancelled batch takes no more briefs; what it had submitted is collected all the same (S3).
  const idle = isFinalized(meta) && (making === 0 || meta.stage === 'cancelled');
  if (idle && given.command !== null) await ledger.keepCommand(given.command);
  const news = idle ? 'none' : 'some';
  return {
    ...{ context, request: given, folder: out, line, ledger, meta, journal },
    ...{ news, comparison, whole, forced, reread },
  };
}

/**
 * Marks the admission as open and opens changed briefs again. After a crash in between, the same request finds
 * those that are still to be opened.
 */
export async function beginBatch(opened: OpenedBatch): Promise<void> {
  const { context, ledger, meta, comparison, forced, request } = opened;
  if (meta.stage === 'cancelled') return;
  await refuseDropped(ledger, meta);
  const folder = await folderForChanges(opened);
  if (request.command !== null) await ledger.keepCommand(request.command);
  await ledger.setCaps(request.caps);
  await ledger.setMinSize(request.minSize);
  if (request.webhook !== undefined) {
    await context.account.messages.listen(`batch ${ledger.batch}`, request.webhook);
  }
  if (request.priority !== undefined) await ledger.set({ priority: request.priority });
  const remade = comparison.changed + comparison.forced;
  const news = remade + comparison.fresh > 0 ? 'new' : 'under_way';
  const force =
    forced === null ? 'only_changed' : forced > meta.runs.length ? 'forced' : 'forced_on';
  const { rows, rejected, duplicates } = request.input.counts;
  const counts = { rows, rejected, duplicates, whole: opened.whole };
  const { outputs } = request.input;
  // Those of an earlier input are not told any more where another one is given.
  if (outputs.size > 0) await ledger.keepOutputs(outputs);
  const begun = await ledger.openAdmission(request.sources, news, force, counts);
  if (folder === null) return;
  await noteRun(folder, begun, forced);
  if (remade === 0) return;
  const { files, briefs } = request.input;
  // Before the first job: whoever takes it looks for its files there.
  await ledger.references.keepFiles(files);
  const nowMs = context.clock.now();
  await withReopener(context, { ledger, out: folder }, (reopener) =>
    reopenChanged(reopener, briefs, { run: begun.run, forced, nowMs }),
  );
}

/**
 * Admits the whole input, or as much as comes before it is to stop: the same request goes on with the rest. Only then is
 * the admission complete, without which the batch cannot end. Where Redis was away since the batch was opened, it may have
 * lost the last second of what it had acknowledged, or be itself at an earlier time, of which the folder knows more: all
 * is begun with once more, for an admission may take days (S1, S4).
 * @returns also the batch as it was last opened
 */
export async function admitBatch(
  first: OpenedBatch,
  queues: StageQueues,
  pace: AdmissionPace,
): Promise<{ admitted: 'all' | 'stopped'; opened: OpenedBatch }> {
  const { redis } = first.context;
  const { stopping, unwaiting } = pace;
  for (let opened = first; ; opened = await openAgain(opened)) {
    if (isOverAnotherLine(opened) && !stopping.aborted) continue;
    const cameBack = new AbortController();
    const note = () => cameBack.abort();
    redis.on('ready', note);
    const waiting = { ...pace, unwaiting: AbortSignal.any([unwaiting, cameBack.signal]) };
    const admitted = await admitAll(opened, queues, waiting).finally(() =>
      redis.off('ready', note),
    );
    const isOver = stopping.aborted || (unwaiting.aborted && admitted === 'stopped');
    if (isOver || !isOverAnotherLine(opened)) return { admitted, opened };
  }
}

function isOverAnotherLine({ context: { redis }, line }: OpenedBatch): boolean {
  return redis.stream !== line;
}

/** @throws BatchError `batch_conflict` */
async function openAgain({ context, request, meta }: OpenedBatch): Promise<OpenedBatch> {
  // A fresh start has been made: a second one would pay for everything once more.
  const opened = await openBatch(context, { ...request, mode: 'go_on' });
  // Without a folder, Redis alone knew of it.
  if (opened.meta.nonce !== meta.nonce) {
    throw new BatchError(
      'batch_conflict',
      `Redis has lost the fresh start of batch ${meta.name}: give the same command again.`,
    );
  }
  await beginBatch(opened);
  return opened;
}

async function admitAll(
  opened: OpenedBatch,
  queues: StageQueues,
  pace: AdmissionPace,
): Promise<'all' | 'stopped'> {
  const { context, ledger, journal, whole, request, folder: out } = opened;
  const { input } = request;
  // Before the first job: whoever takes it looks for its files there.
  await ledger.references.keepFiles(input.files);
  const before = await ledger.meta();
  const admitting = { ledger, queues, out, clock: context.clock, journal, ...pace };
  const admitted = await admitBriefs(admitting, input.briefs());
  // Of a Redis that went back, the folder's journal is still to be asked about each brief.
  if (admitted === 'stopped' || isOverAnotherLine(opened)) return admitted;
  await ledger.set({ ready: 1 });
  // What it has sent and the input does not name any more.
  if (journal !== null) await adoptFolder({ ledger, queues, out });
  await ledger.markAdmission('complete', { whole });
  // What an earlier life had sent goes on as it was sent, whatever the input says now.
  if (before !== null && (journal?.sends.size ?? 0) === 0) {
    await ledger.rememberInput(input.digest, before, 'admitted');
  }
  return 'all';
}

/**
 * Into a batch whose folder another machine keeps, briefs are queued as on any machine without it: that one writes what is
 * made of them. What is to be made anew needs the folder: then a machine that may be gone is waited for.
 * @returns the folder to open it with; '' where another machine keeps it, or the request names none
 */
async function besideKeeper(
  ledger: BatchLedger,
  { out, changes, mode }: BatchRequest,
): Promise<string> {
  if (out === '' || mode !== 'go_on') return out;
  if ((await ledger.meta())?.out !== (await addressOf(out))) return out;
  const keep = changes === 'made' ? keepUnlessServed : keepFolder;
  return (await keep(ledger, out)).kind === 'here' ? out : '';
}

/** What a lost Redis must not take along. */
async function noteRun(
  folder: string,
  { run, beganMs }: OpenedRun,
  forced: ForcedRun,
): Promise<void> {
  if (beganMs === null) return;
  const journal = await Journal.openBegun(folder);
  await journal?.note({ run, at: beganMs, forced: forced !== null });
  await journal?.close();
  await publish(folder);
}

/** Another command that had opened the batch too may have been told not to begin it, while this one asked. */
async function refuseDropped(ledger: BatchLedger, { name, createdAt }: BatchMeta): Promise<void> {
  if ((await ledger.meta())?.createdAt === createdAt) return;
  throw new BatchError(
    'batch_conflict',
    `Batch ${name} was given up by another command meanwhile: give this one again. Nothing was sent.`,
  );
}

/**
 * A run that was to make everything anew and was cut off is gone on with, a retry in between or not: what it has made is
 * not paid again.
 */
function forcedOf(meta: BatchMeta, force: BatchRequest['force']): ForcedRun {
  if (force === 'none') return null;
  const { runs, forcedRun: underWay } = meta;
  if (underWay !== null && !isFinalized(meta)) return underWay;
  return force === 'all' ? runs.length + 1 : null;
}

async function lookAgain(
  context: BatchContext,
  ledger: BatchLedger,
  meta: BatchMeta,
): Promise<Pick<OpenedBatch, 'meta' | 'reread'>> {
  const out = meta.lines.unknown > 0 ? await localOutput(ledger, meta, context.places) : null;
  if (out === null) return { meta, reread: 0 };
  const reread = await withReopener(context, { ledger, out }, reopenOverdue);
  return { meta: (await ledger.meta()) ?? meta, reread };
}

/**
 * The folder in which lines leave the manifest.
 * @throws BatchError `bad_input` where something has changed, and the lines are not on this machine
 */
async function folderForChanges({
  context,
  ledger,
  meta,
  comparison: { changed, forced },
}: OpenedBatch): Promise<string | null> {
  const folder = await localOutput(ledger, meta, context.places);
  if (folder !== null || changed + forced === 0) return folder;
  const many = `${counted(changed + forced, 'brief')} of batch ${meta.name}`;
  if (isBucketAddress(meta.out)) {
    throw new BatchError(
      'bad_input',
      `${many} would be made again, and another machine is writing their lines to ${meta.out}: let the batch finish there, or stop that machine, then give this command again. Nothing was sent.`,
    );
  }
  throw new BatchError(
    'bad_input',
    meta.out === ''
      ? `${many} would be made with other content, and it has no folder yet: let the batch finish first. Nothing was sent.`
      : `${many} would be made again, and their lines are in ${meta.out}, which is not on this machine: give this command there. Nothing was sent.`,
  );
}

/** @throws BatchError `batch_conflict` */
function refuseChanges(
  { batch, changes }: BatchRequest,
  { changed, undecided, underWay: { count, first } }: Comparison,
): void {
  if (changes === 'refused' && changed + undecided + count > 0) {
    throw new BatchError('batch_conflict', `Batch ${batch} has briefs of other content.`);
  }
  if (changes !== 'made_when_idle' || count === 0) return;
  const more = count > first.length ? ` and ${count - first.length} more` : '';
  throw new BatchError(
    'batch_conflict',
    `Batch ${batch} is making these with their earlier content: ${first.join(', ')}${more}. Let the batch finish first, then give the same command again. Nothing was sent.`,
  );
}
