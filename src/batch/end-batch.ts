import { join } from 'node:path';
import type { BatchLedger, ScannedBrief } from '../ledger/batch-ledger.js';
import { isFinalized, isOver } from '../ledger/batch-meta.js';
import { sweepDownloads } from '../results/clear-folder.js';
import { fileNames } from '../results/file-names.js';
import { writeTable } from '../results/manifest.js';
import { publish } from '../results/mirror.js';
import { runReport } from '../results/run-report.js';
import type { Clock } from '../shared/clock.js';
import { writeFileDurably } from '../shared/write-file-durably.js';
import { announcementOfEnd } from './announce.js';
import { type BatchContext, withQueues } from './batch-context.js';
import { type CancelMode, cancellationOf, finishBrief } from './finish-brief.js';
import { ManifestWriter } from './manifest-writer.js';
import { localOutput } from './open-batch.js';
import { abandonedCode } from './plan-reopening.js';
import { dropSettled } from './steps.js';

/**
 * Writes `manifest.csv` and `run.json` once every admitted brief has its line in the manifest, and has it told.
 * Safe to repeat and from several processes: each file is replaced as a whole by the same content.
 */
export async function finalizeBatch(
  ledger: BatchLedger,
  out: string,
  clock: Clock,
): Promise<'finalized' | 'not_yet'> {
  const meta = await ledger.meta();
  if (meta === null || !isOver(meta)) return 'not_yet';
  if (isFinalized(meta)) return 'finalized';
  if ((await ledger.outbox.length()) > 0) return 'not_yet';
  await sweepDownloads(out);
  await writeTable(out);
  await writeReport(ledger, out, clock);
  await publish(out);
  await ledger.markFinalized(meta, announcementOfEnd(meta, clock.now()));
  return 'finalized';
}

/** `run.json` as things stand: also written when a run stops with work left. */
export async function writeReport(ledger: BatchLedger, out: string, clock: Clock): Promise<void> {
  const meta = await ledger.meta();
  if (!meta) return;
  const report = runReport(meta, clock.now(), await ledger.refusals());
  await writeFileDurably(join(out, fileNames.report), `${JSON.stringify(report, null, 2)}\n`);
}

/** Lines that were written by this call. */
export interface CancelCounts {
  cancelled: number;
  abandoned: number;
}

/** After a cancellation: whatever of the batch is not seen through gets its line, and the closing files are written here. */
export async function endCancelled(
  { clock, places, ...store }: Pick<BatchContext, 'redis' | 'prefix' | 'clock' | 'places'>,
  ledger: BatchLedger,
  mode: CancelMode,
): Promise<CancelCounts> {
  const meta = await ledger.meta();
  const out = meta && (await localOutput(ledger, meta, places));
  return withQueues(store, ledger.batch, async (queues) => {
    // Held back or not, jobs of what is still in doubt must be able to run.
    await queues.resume();
    const writer = out === null ? null : new ManifestWriter({ ledger, queues, out });
    const flush = async () => writer?.flush();
    // A retry that was killed half-way comes to its end first.
    await flush();
    const counts = await cancelBatch(ledger, mode, clock, flush);
    await dropSettled({ ledger, queues });
    if (out !== null) await finalizeBatch(ledger, out, clock);
    return counts;
  });
}

/**
 * Gives every brief that a cancelled batch will not see through its line (S4), in constant memory and beside
 * workers that go on: each is ended by compare-and-set, so this is safe to repeat after a crash.
 * @param flush writes finished lines where this machine has the folder, so that they do not pile up in Redis
 */
export async function cancelBatch(
  ledger: BatchLedger,
  mode: CancelMode,
  clock: Clock,
  flush: () => Promise<void>,
): Promise<CancelCounts> {
  const counts: CancelCounts = { cancelled: 0, abandoned: 0 };
  const end = async (id: string) => {
    const code = await cancelBrief(ledger, id, mode, clock.now());
    if (code !== null) counts[code === abandonedCode ? 'abandoned' : 'cancelled'] += 1;
  };
  for await (const briefs of ledger.scan()) {
    const ending = briefs.filter(({ read }) => cancellationOf(read.state, mode) !== null);
    await Promise.all(ending.map(({ id }) => end(id)));
    await flush();
  }
  return counts;
}

/**
 * One that moves on between reading and ending it is read again.
 * @returns the code of its line; null where it gets none
 */
async function cancelBrief(
  ledger: BatchLedger,
  id: string,
  mode: CancelMode,
  nowMs: number,
): Promise<string | null> {
  for (;;) {
    const brief = await ledger.briefs.find(id);
    if (brief === 'lined' || brief === 'missing') return null;
    const end = cancellationOf(brief.state, mode);
    if (end === null) return null;
    const finish = await finishBrief(ledger, brief, end, nowMs);
    if (finish.kind === 'finished') return end.error?.code ?? null;
    if (finish.state === null) return null;
  }
}

/** What `cancel --abandon` throws away. */
export interface UnderWay {
  /** Accepted, and known to be charged. */
  tasks: number;
  /** Sent, and perhaps accepted. */
  inDoubt: number;
  /** Credits for both, as far as known. */
  credits: number;
}

export async function surveyUnderWay(ledger: BatchLedger): Promise<UnderWay> {
  const underWay: UnderWay = { tasks: 0, inDoubt: 0, credits: 0 };
  for await (const briefs of ledger.scan()) {
    for (const brief of briefs) add(underWay, brief);
  }
  return underWay;
}

function add(underWay: UnderWay, { read: { state }, held }: ScannedBrief): void {
  switch (state.stage) {
    case 'submitting':
      underWay.inDoubt += 1;
      underWay.credits += held ?? 0;
      return;
    case 'accepted':
      underWay.tasks += 1;
      underWay.credits += state.reserved ?? held ?? 0;
      return;
    case 'ready':
      underWay.tasks += 1;
      underWay.credits += state.final ?? state.reserved ?? held ?? 0;
      return;
    case 'waiting':
    case 'admitted':
    case 'lined':
      return;
    default:
      state satisfies never;
  }
}
