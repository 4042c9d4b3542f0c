import { type Comparison, compareWithBatch } from '../producer/compare-with-batch.js';
import type { CompiledInput } from '../producer/compile-input.js';
import { openLife } from '../producer/open-life.js';
import { BatchError } from '../shared/errors.js';
import type { JournalContent } from '../shared/journal.js';
import type { ForcedRun } from '../shared/judge-brief.js';
import type { AccountLedger } from '../shared/ledger/account-ledger.js';
import { BatchLedger } from '../shared/ledger/batch-ledger.js';
import type { BatchMeta } from '../shared/ledger/batch-meta.js';
import type { KeptCommand } from '../shared/ledger/kept-command.js';
import { StageQueues } from '../shared/queues.js';
import { leaveFolder } from '../worker/leave-folder.js';
import { reopenOverdue } from '../worker/reopen-overdue.js';
import { beginRun, folderForChanges, refuseUnderWay } from './begin-run.js';
import { refuseSecondName } from './choose-batch.js';
import type { InputFlags } from './flags.js';
import type { ForceFlags } from './force-flag.js';
import { localOutput } from './local-output.js';
import { withReopener } from './open-reopener.js';
import { openAccount, type StoreSession } from './session.js';

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
