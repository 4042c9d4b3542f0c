import { join } from 'node:path';
import type { BatchLedger, ScannedBrief } from '../ledger/batch-ledger.js';
import { isFinalized, isOver } from '../ledger/batch-meta.js';
import { fileNames } from '../results/file-names.js';
import { ManifestFile } from '../results/manifest.js';
import { runReport } from '../results/run-report.js';
import type { Clock } from '../shared/clock.js';
import { writeFileDurably } from '../shared/write-file-durably.js';
import { type CancelMode, cancelBrief, type FinishContext } from './finish-brief.js';
import { abandonedCode } from './plan-reopening.js';

export interface Finalizing {
  ledger: BatchLedger;
  out: string;
  clock: Clock;
}

/**
 * Writes `manifest.csv` and `run.json` once every admitted brief has its line in the manifest.
 * Safe to repeat and from several processes: each file is replaced as a whole by the same content.
 */
export async function finalizeBatch({
  ledger,
  out,
  clock,
}: Finalizing): Promise<'finalized' | 'not_yet'> {
  const meta = await ledger.meta();
  if (meta === null || !isOver(meta)) return 'not_yet';
  if (isFinalized(meta)) return 'finalized';
  if ((await ledger.outbox.length()) > 0) return 'not_yet';
  const manifest = await ManifestFile.read(out);
  await writeFileDurably(join(out, fileNames.table), manifest.export('csv'));
  await writeReport({ ledger, out, clock });
  await ledger.markFinalized(meta);
  return 'finalized';
}

/** `run.json` as things stand: also written when a run stops with work left. */
export async function writeReport({ ledger, out, clock }: Finalizing): Promise<void> {
  const meta = await ledger.meta();
  if (!meta) return;
  const report = runReport(meta, clock.now());
  await writeFileDurably(join(out, fileNames.report), `${JSON.stringify(report, null, 2)}\n`);
}

export interface Cancelling {
  ledger: BatchLedger;
  clock: Clock;
  mode: CancelMode;
  /** Writes finished lines where this machine has the folder, so that they do not pile up in Redis. */
  flush(): Promise<void>;
}

/** Lines that were written by this call. */
export interface CancelCounts {
  cancelled: number;
  abandoned: number;
}

/**
 * Gives every brief that a cancelled batch will not see through its line (S4), in constant memory and beside
 * workers that go on: each is ended by compare-and-set, so this is safe to repeat after a crash.
 */
export async function cancelBatch(cancelling: Cancelling): Promise<CancelCounts> {
  const { ledger, clock, mode, flush } = cancelling;
  const counts: CancelCounts = { cancelled: 0, abandoned: 0 };
  const context: FinishContext = {
    batch: ledger.batch,
    ledger,
    clock,
    notify: ({ error }) => {
      counts[error?.code === abandonedCode ? 'abandoned' : 'cancelled'] += 1;
    },
  };
  for await (const briefs of ledger.scan()) {
    await Promise.all(briefs.map((brief) => endBrief(context, brief, mode)));
    await flush();
  }
  return counts;
}

/** One that moves on between reading and ending it is read again. */
async function endBrief(
  context: FinishContext,
  { id, read }: ScannedBrief,
  mode: CancelMode,
): Promise<void> {
  let from: ScannedBrief['read'] | null = read;
  while (from !== null) {
    const finish = await cancelBrief(context, id, { from, mode });
    if (finish === 'finished' || finish === 'goes_on' || finish === null) return;
    if (finish.stage === 'lined') return;
    from = await context.ledger.briefs.read(id);
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
    case 'admitted':
    case 'lined':
      return;
    default:
      state satisfies never;
  }
}
