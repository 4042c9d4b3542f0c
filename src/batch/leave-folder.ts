import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { BatchLedger } from '../ledger/batch-ledger.js';
import { type BatchMeta, neverSent } from '../ledger/batch-meta.js';
import type { BriefState } from '../ledger/brief-state.js';
import { type JournalEntry, journalPath } from '../results/journal.js';
import { judgeLine, manifestPath, ownLine } from '../results/manifest.js';
import { ownerOf } from '../results/output-folder.js';
import { draftContent, isUnfixed, wordsIn } from '../shared/brief.js';
import type { Clock } from '../shared/clock.js';
import { BatchError } from '../shared/errors.js';
import type { ManifestLine } from '../shared/manifest-line.js';
import { writeFileDurably } from '../shared/write-file-durably.js';
import { type BatchContext, withQueues } from './batch-context.js';
import { finishBrief } from './finish-brief.js';
import { journalHeader } from './open-batch.js';

const goneMessage =
  'The folder of the results was lost before this was collected; the next run checks its task again, which costs nothing.';

/**
 * Goes on in an empty folder where the one with the results is gone. What Redis knows is written there as a lost Redis
 * would find it: a line `unknown` for each task, which the run looks at again (S3), and each send in the journal, under
 * whose keys the API says once more what it made (S1). Then the ledger gives way to that.
 *
 * Repeatable at any point: until all is written, the ledger keeps it and says that it is leaving.
 * @param out where the results are to go from now on: empty
 * @throws BatchError `batch_conflict` where somebody works on the batch, or it was cancelled
 */
export async function leaveFolder(
  context: BatchContext,
  ledger: BatchLedger,
  out: string,
): Promise<'left' | 'nothing_to_leave'> {
  const meta = await ledger.meta();
  if (!meta || !(await isGone(ledger, meta, out))) return 'nothing_to_leave';
  if (meta.stage === 'cancelled' || (await ledger.hasLiveWorkers())) {
    const why =
      meta.stage === 'cancelled'
        ? 'it was cancelled'
        : 'somebody may be working on it: stop that first';
    throw new BatchError(
      'batch_conflict',
      `The folder ${meta.out} of batch ${meta.name} is gone, and it cannot go on in ${out}: ${why}.`,
    );
  }
  await ledger.set({ leaving: out });
  await endTasks(ledger, context.clock);
  const lines = await unwrittenLines(ledger, out);
  const entries = await sendsOf(ledger, meta, new Set(lines.map((line) => line.brief_id)));
  await writeFileDurably(manifestPath(out), jsonLines(lines));
  await writeFileDurably(journalPath(out), jsonLines([journalHeader(meta), ...entries]));
  await withQueues(context, ledger.batch, (queues) => queues.removeKeys());
  await ledger.forget();
  return 'left';
}

/**
 * Neither the old place nor the new one has it, or this was begun before. Where not even the folder around the old place
 * is there, this is another machine, which cannot say what has become of it.
 */
async function isGone(ledger: BatchLedger, meta: BatchMeta, out: string): Promise<boolean> {
  if ((await ledger.leavingTo()) === out) return true;
  if (meta.out === '' || meta.pending === 0 || neverSent(meta)) return false;
  if (!existsSync(dirname(meta.out)) || (await ownerOf(out)) !== null) return false;
  return (await ownerOf(meta.out)) === null;
}

/** Accepted tasks get a line that says whose they are. */
async function endTasks(ledger: BatchLedger, clock: Clock): Promise<void> {
  const error = { code: 'task_overdue', message: goneMessage, request_id: null };
  for await (const briefs of ledger.scan()) {
    for (const { id, read } of briefs) {
      if (read.state.stage !== 'accepted' && read.state.stage !== 'ready') continue;
      const brief = await ledger.briefs.find(id);
      if (brief === 'lined' || brief === 'missing') continue;
      // Its answer is asked for again under its key: there is no task to look at.
      if (brief.content.request.endpoint === 'chat') continue;
      await finishBrief(ledger, brief, { status: 'unknown', error }, clock.now());
    }
  }
}

/** Those that are not in the lost manifest; of what they promise, the files are lost. */
async function unwrittenLines(ledger: BatchLedger, out: string): Promise<ManifestLine[]> {
  const error = { code: 'download_unavailable', message: goneMessage, request_id: null };
  return (await ledger.outbox.all()).flatMap((text): ManifestLine[] => {
    const { aside: _lost, ...line } = ownLine(judgeLine(text), out);
    if (line.assets.length === 0) return [line];
    // An answer is asked for again under its key.
    return line.text ? [] : [{ ...line, status: 'unknown', assets: [], error }];
  });
}

async function sendsOf(
  ledger: BatchLedger,
  { createdAt }: BatchMeta,
  lined: ReadonlySet<string>,
): Promise<JournalEntry[]> {
  const entries: JournalEntry[] = [];
  for await (const briefs of ledger.scan()) {
    const contents = await ledger.briefs.readContents(briefs.map(({ id }) => id));
    for (const [index, { id: brief, read }] of briefs.entries()) {
      const { state } = read;
      const { attempt, fingerprint } = state;
      const content = contents[index] ?? null;
      const words = content === null ? null : wordsIn(content);
      const reworded = words !== null && { words, fingerprint };
      if (attempt > 1) entries.push({ brief, opened: attempt, ...reworded });
      if (lined.has(brief) || state.stage === 'admitted' || state.stage === 'waiting') continue;
      // It had its line as a step that was never made.
      if (content !== null && isUnfixed(content)) continue;
      // Of what was in the lost manifest, nobody knows any more when it was sent: no sooner than the batch began.
      const sentAt = sentAtOf(state) ?? createdAt;
      // Of a step, and of what a person has reworded, the input does not say what was sent (S1).
      const isOfInput = words === null && (content === null || draftContent(content) === content);
      const sent = !isOfInput && content !== null && { content };
      entries.push({ brief, attempt, sentAt, fingerprint, ...sent });
    }
  }
  return entries;
}

function sentAtOf(state: BriefState): number | null {
  if (state.stage === 'submitting') return state.firstSentAt;
  return state.stage === 'ready' ? state.submittedAt : null;
}

function jsonLines(values: readonly unknown[]): string {
  return values.map((value) => `${JSON.stringify(value)}\n`).join('');
}
