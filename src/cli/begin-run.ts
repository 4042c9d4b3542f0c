import type { Comparison } from '../producer/compare-with-batch.js';
import type { CompiledInput } from '../producer/compile-input.js';
import { BatchError } from '../shared/errors.js';
import { Journal } from '../shared/journal.js';
import type { ForcedRun } from '../shared/judge-brief.js';
import type { AccountLedger } from '../shared/ledger/account-ledger.js';
import type { AdmissionOpening, BatchLedger } from '../shared/ledger/batch-ledger.js';
import type { BatchMeta } from '../shared/ledger/batch-meta.js';
import { counted } from '../shared/quantities.js';
import { reopenChanged } from '../worker/reopen-changed.js';
import { localOutput } from './local-output.js';
import { withReopener } from './open-reopener.js';
import type { StoreSession } from './session.js';

export interface RunBeginning {
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
export async function beginRun(session: StoreSession, beginning: RunBeginning): Promise<void> {
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
    reopenChanged({ ...reopener, run, forced, nowMs }, input.briefs),
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
export async function folderForChanges(
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
export function refuseUnderWay(batch: string, { underWay }: Comparison): void {
  const { count, first } = underWay;
  if (count === 0) return;
  const more = count > first.length ? ` and ${count - first.length} more` : '';
  throw new BatchError(
    'batch_conflict',
    `Batch ${batch} is making these with their earlier content: ${first.join(', ')}${more}. Let the batch finish first, then give the same command again. Nothing was sent.`,
  );
}
