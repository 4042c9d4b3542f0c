import { join } from 'node:path';
import type { Clock } from '../shared/clock.js';
import type { BatchLedger } from '../shared/ledger/batch-ledger.js';
import { ManifestFile } from '../shared/manifest-file.js';
import { runReport } from '../shared/run-report.js';
import { writeFileDurably } from '../shared/write-file-durably.js';

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
  if (meta?.admission !== 'complete' || meta.pending > 0 || meta.rewriting) return 'not_yet';
  if (meta.finalized) return 'finalized';
  if ((await ledger.outbox.length()) > 0) return 'not_yet';
  const manifest = await ManifestFile.read(join(out, 'manifest.jsonl'));
  await writeFileDurably(join(out, 'manifest.csv'), manifest.export('csv'));
  await writeReport({ ledger, out, clock });
  await ledger.markFinalized(meta);
  return 'finalized';
}

/** `run.json` as things stand: also written when a run stops with work left. */
export async function writeReport({ ledger, out, clock }: Finalizing): Promise<void> {
  const meta = await ledger.meta();
  if (!meta) return;
  const report = runReport(meta, clock.now());
  await writeFileDurably(join(out, 'run.json'), `${JSON.stringify(report, null, 2)}\n`);
}
