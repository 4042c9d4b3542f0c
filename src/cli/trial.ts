import { join } from 'node:path';
import { withoutFinished } from '../producer/compare-with-batch.js';
import type { CompiledInput } from '../producer/compile-input.js';
import type { Forecast } from '../producer/forecast-credits.js';
import { BatchError } from '../shared/errors.js';
import { ManifestFile } from '../shared/manifest-file.js';
import type { ManifestLine } from '../shared/manifest-line.js';
import type { CommandSetup } from './command-setup.js';
import { writeContactSheet } from './contact-sheet.js';
import { planRun } from './plan-run.js';
import type { PlannedTime } from './plan-time.js';
import type { Work } from './run-request.js';

/** How a sample went, and what that means for the whole. */
export interface TrialResult {
  briefs: number;
  succeeded: number;
  /** Failed, unknown or cancelled. */
  others: number;
  credits: number;
  /** The middle one of the sample, from submission to the end; null where none ended. */
  taskMs: number | null;
  /** What is left of the whole input, by the prices and the pace that were learned. */
  left: { forecast: Forecast; time: PlannedTime };
  sheet: string;
}

/**
 * A batch with more under way than the sample would be run as a whole.
 * @throws BatchError `batch_conflict`
 */
export async function refuseOtherWork({ opened, request }: Work): Promise<void> {
  if (request.trial === null) return;
  const { ledger, meta } = opened;
  let pending = 0;
  for await (const { id } of withoutFinished(ledger, request.input.briefs())) {
    if ((await ledger.briefs.read(id)) !== null) pending += 1;
  }
  const others = meta.pending - pending;
  if (others <= 0) return;
  throw new BatchError(
    'batch_conflict',
    `Batch ${meta.name} has ${others} briefs under way that are not of this trial: run it without --trial.`,
  );
}

/** Looks at what the sample became, and writes its contact sheet; null where this was no trial. */
export async function tellTrial(
  { terminal }: CommandSetup,
  { opened, request }: Work,
): Promise<TrialResult | null> {
  const { trial, input, out, models, flags } = request;
  if (trial === null) return null;
  terminal.progress('');
  const lines = await sampleLines(input, out);
  const { forecast, time } = await planRun({
    ...{ opened, models, flags },
    input: trial.whole,
    wallet: null,
  });
  const succeeded = lines.filter(({ status }) => status === 'succeeded').length;
  return {
    briefs: input.counts.briefs,
    succeeded,
    others: lines.length - succeeded,
    credits: lines.reduce((sum, { credits }) => sum + (credits.final ?? credits.reserved ?? 0), 0),
    taskMs: middleTaskMs(lines),
    left: { forecast, time },
    sheet: await writeContactSheet(out),
  };
}

async function sampleLines(input: CompiledInput, out: string): Promise<ManifestLine[]> {
  const ids = new Set<string>();
  for await (const { id } of input.briefs()) ids.add(id);
  const manifest = await ManifestFile.read(join(out, 'manifest.jsonl'));
  const lines: ManifestLine[] = [];
  for await (const { line } of manifest.lines()) if (ids.has(line.brief_id)) lines.push(line);
  return lines;
}

function middleTaskMs(lines: readonly ManifestLine[]): number | null {
  const took = lines
    .map(({ times }) => Date.parse(times.completed ?? '') - Date.parse(times.submitted ?? ''))
    .filter((ms) => ms >= 0)
    .sort((left, right) => left - right);
  return took[Math.floor(took.length / 2)] ?? null;
}
