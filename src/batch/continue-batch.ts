import { refuseSecondName } from '../cli/options/choose-batch.js';
import type { ForceFlags, InputFlags } from '../cli/options/flags.js';
import { openAccount, type StoreSession } from '../cli/setup.js';
import type { AccountLedger } from '../ledger/account-ledger.js';
import { type AdmissionOpening, BatchLedger } from '../ledger/batch-ledger.js';
import type { BatchMeta, KeptCommand } from '../ledger/batch-meta.js';
import type { CompiledInput } from '../producer/compile-input.js';
import { Journal, type JournalContent } from '../results/journal.js';
import { BatchError } from '../shared/errors.js';
import { counted } from '../shared/quantities.js';
import { StageQueues } from '../shared/queues.js';
import { type Comparison, compareWithBatch, type ForcedRun } from './compare.js';
import { leaveFolder } from './leave-folder.js';
import { localOutput, openLife } from './open-batch.js';
import { reopenChanged, reopenOverdue, withReopener } from './reopen.js';

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
  /** What the input was to the batch before this run. */
  comparison: Comparison;
  /** Where the run makes everything anew. */
  forced: ForcedRun;
  /** Tasks that were given up before and are looked at again, which pays for nothing (S3). */
  reread: number;
}

export interface BatchRequest {
  input: CompiledInput;
  batch: string;
  /** As `chooseBatch` has it. */
  otherwise: string | null;
  /** Absolute, or '' for a batch that leaves its place to the workers. */
  out: string;
  files: string[];
  /** As the batch keeps it. */
  command: KeptCommand;
  flags: Pick<InputFlags, 'maxCredits' | 'maxCreditsPerDay' | 'fresh'> & ForceFlags;
  /** What becomes of changed briefs whose earlier content is being made: left until it is, or refused. */
  underWay: 'left' | 'refused';
}

/**
 * Opens the batch for an input that has been checked, and finds out what has changed since the batch was last run.
 * Nothing is changed yet: that is for `beginBatch`, once it is sure that the run is wanted.
 * @throws BatchError `batch_conflict` for a batch or brief that is already something else
 */
export async function openRunBatch(
  session: StoreSession,
  request: BatchRequest,
): Promise<RunBatch> {
  const { input, batch, flags, out } = request;
  const { connection, settings, clock } = session;
  await refuseSecondName(session, request, out);
  const account = openAccount(session);
  const ledger = new BatchLedger(connection, settings.prefix, batch, account);
  const openQueues = () => new StageQueues(connection, settings.prefix, batch);
  if (out !== '') await leaveFolder({ ledger, clock, out, openQueues });
  const { meta: found, journal } = await openLife({
    ledger,
    origin: settings.origin,
    account: account.account,
    out,
    nowMs: clock.now(),
    mode: flags.fresh ? 'fresh' : 'go_on',
    openQueues,
  });
  const forced = forcedOf(found, flags);
  const comparison = await compareWithBatch(ledger, input.briefs(), forced);
  if (request.underWay === 'refused') refuseUnderWay(batch, comparison);
  const { meta, reread } = await lookAgain(session, { ledger, account, meta: found });
  const opened = { session, ledger, account, meta, journal, reread, comparison, forced };
  const making = comparison.fresh + comparison.changed + comparison.forced;
  // A cancelled batch takes no more briefs; what it had submitted is collected all the same (S3).
  const idle = isFinished(meta) && (making === 0 || meta.cancelled);
  if (idle) await ledger.keepCommand(request.command);
  return { ...opened, news: idle ? 'none' : 'some' };
}

/** Marks the admission as open, and opens changed briefs again. */
export async function beginBatch(
  { session, ledger, account, meta, comparison, forced }: RunBatch,
  { input, files, flags, command }: BatchRequest,
): Promise<void> {
  if (meta.cancelled) return;
  await refuseDropped(ledger, meta);
  const folder = await folderForChanges(meta, comparison);
  await ledger.keepCommand(command);
  await ledger.setCaps({ batch: flags.maxCredits, day: flags.maxCreditsPerDay });
  await beginRun(session, { ledger, account, meta, comparison, input, files, forced, folder });
}

/** Another command that had opened the batch too may have been told not to begin it, while this one asked. */
async function refuseDropped(ledger: BatchLedger, { name, createdAt }: BatchMeta): Promise<void> {
  if ((await ledger.meta())?.createdAt === createdAt) return;
  throw new BatchError(
    'batch_conflict',
    `Batch ${name} was given up by another command meanwhile: give this one again. Nothing was sent.`,
  );
}

function isFinished({ admission, pending, finalized }: BatchMeta): boolean {
  return admission === 'complete' && pending === 0 && finalized;
}

/**
 * A run that was to make everything anew and was cut off is gone on with, a retry in between or not: what it has made is
 * not paid again.
 */
function forcedOf(meta: BatchMeta, { force, continues }: ForceFlags): ForcedRun {
  const { runs, forcedRun: underWay } = meta;
  if (underWay !== null && !isFinished(meta) && (force || continues)) return underWay;
  return force ? runs.length + 1 : null;
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

interface RunBeginning {
  ledger: BatchLedger;
  account: AccountLedger;
  meta: BatchMeta;
  comparison: Comparison;
  input: CompiledInput;
  files: string[];
  forced: ForcedRun;
  /** Of the results, where it is on this machine. */
  folder: string | null;
}

/**
 * Marks the admission as open and opens changed briefs again. After a crash in between, the same command finds
 * those that are still to be opened.
 */
async function beginRun(session: StoreSession, beginning: RunBeginning): Promise<void> {
  const { ledger, account, comparison, input, files, forced, folder } = beginning;
  const remade = comparison.changed + comparison.forced;
  const { run, beganMs } = await ledger.openAdmission({
    sources: files,
    news: remade + comparison.fresh > 0 ? 'new' : 'under_way',
    force: forceOf(beginning),
  });
  if (folder !== null && beganMs !== null) {
    await noteRun(folder, { run, at: beganMs, forced: forced !== null });
  }
  if (remade === 0 || folder === null) return;
  // Before the first job: whoever takes it looks for its files there.
  await ledger.references.keepFiles(input.files);
  const nowMs = session.clock.now();
  await withReopener(session, { ledger, account, out: folder }, (reopener) =>
    reopenChanged(reopener, input.briefs, { run, forced, nowMs }),
  );
}

function forceOf({ forced, meta }: RunBeginning): AdmissionOpening['force'] {
  if (forced === null) return 'only_changed';
  return forced > meta.runs.length ? 'forced' : 'forced_on';
}

/** What a lost Redis must not take along. */
async function noteRun(
  folder: string,
  run: { run: number; at: number; forced: boolean },
): Promise<void> {
  const journal = await Journal.openBegun(folder);
  await journal?.note(run);
  await journal?.close();
}

/**
 * The folder in which lines leave the manifest.
 * @throws BatchError `bad_input` where something has changed, and the lines are not on this machine
 */
async function folderForChanges(
  meta: BatchMeta,
  { changed, forced }: Comparison,
): Promise<string | null> {
  const folder = await localOutput(meta);
  if (folder !== null || changed + forced === 0) return folder;
  const many = `${counted(changed + forced, 'brief')} of batch ${meta.name}`;
  throw new BatchError(
    'bad_input',
    meta.out === ''
      ? `${many} would be made with other content, and it has no folder yet: let the batch finish first. Nothing was sent.`
      : `${many} would be made anew, and their lines are in ${meta.out}, which is not on this machine: give this command there. Nothing was sent.`,
  );
}

/** @throws BatchError `batch_conflict` */
function refuseUnderWay(batch: string, { underWay }: Comparison): void {
  const { count, first } = underWay;
  if (count === 0) return;
  const more = count > first.length ? ` and ${count - first.length} more` : '';
  throw new BatchError(
    'batch_conflict',
    `Batch ${batch} is making these with their earlier content: ${first.join(', ')}${more}. Let the batch finish first, then give the same command again. Nothing was sent.`,
  );
}

/** What a person is told who runs a cancelled batch. */
export function cancelledSentence(batch: string): string {
  return `Batch ${batch} was cancelled: nothing more of it is submitted. To go on with what was not: rivya-batch retry ${batch} --status cancelled`;
}

/** @throws BatchError `batch_conflict` */
export function refuseCancelled({ name, cancelled }: BatchMeta): void {
  if (cancelled) throw new BatchError('batch_conflict', cancelledSentence(name));
}
