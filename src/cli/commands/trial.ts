import { relative } from 'node:path';
import { withoutFinished } from '../../batch/compare.js';
import { type Forecast, sumText } from '../../forecast/credits.js';
import type { PlannedTime } from '../../forecast/time.js';
import type { CompiledInput } from '../../producer/compile-input.js';
import { ManifestFile } from '../../results/manifest.js';
import { writeSheet } from '../../review/write-sheet.js';
import { BatchError } from '../../shared/errors.js';
import type { ManifestLine } from '../../shared/manifest-line.js';
import { counted, creditsNumber, formatCredits, formatDuration } from '../../shared/quantities.js';
import type { CommandSetup } from '../setup.js';
import { timeText } from '../text/print-plan.js';
import { hangingLines } from '../text/terminal.js';
import { planRun } from './plan-run.js';
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
export async function refuseOtherWork({
  opened,
  request,
}: Pick<Work, 'opened' | 'request'>): Promise<void> {
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
  { opened, request }: Pick<Work, 'opened' | 'request'>,
): Promise<TrialResult | null> {
  const { trial, input, out, models, flags } = request;
  if (trial === null) return null;
  terminal.progress('');
  const lines = await sampleLines(input, out);
  const { forecast, time } = await planRun(opened, { input: trial.whole, models, flags }, null);
  const succeeded = lines.filter(({ status }) => status === 'succeeded').length;
  return {
    briefs: input.counts.briefs,
    succeeded,
    others: lines.length - succeeded,
    credits: lines.reduce((sum, { credits }) => sum + (credits.final ?? credits.reserved ?? 0), 0),
    taskMs: middleTaskMs(lines),
    left: { forecast, time },
    sheet: (await writeSheet(out)).path,
  };
}

async function sampleLines(input: CompiledInput, out: string): Promise<ManifestLine[]> {
  const ids = new Set<string>();
  for await (const { id } of input.briefs()) ids.add(id);
  const manifest = await ManifestFile.read(out);
  const lines: ManifestLine[] = [];
  for await (const line of manifest.lines()) if (ids.has(line.brief_id)) lines.push(line);
  return lines;
}

function middleTaskMs(lines: readonly ManifestLine[]): number | null {
  const took = lines
    .map(({ times }) => Date.parse(times.completed ?? '') - Date.parse(times.submitted ?? ''))
    .filter((ms) => ms >= 0)
    .sort((left, right) => left - right);
  return took[Math.floor(took.length / 2)] ?? null;
}

/** What a person is told of a trial, and how to go on from it. */
export function trialLines(
  result: TrialResult,
  { goOn, width }: { goOn: string; width: number },
): string[] {
  const { briefs, succeeded, others, credits, taskMs, left, sheet } = result;
  const done = succeeded + others;
  const each = done > 0 ? `, ${creditsNumber(credits / done)} each` : '';
  const took = taskMs === null ? '' : ` A task took ${formatDuration(taskMs)}.`;
  const lines = [
    `Trial of ${counted(briefs, 'brief')}: ${succeeded} of ${done} succeeded, for ${formatCredits(credits)}${each}.${took}`,
    `To look at them: ${relative(process.cwd(), sheet)}`,
  ];
  if (left.forecast.briefs === 0) return [...lines, 'There is nothing left to make.'];
  const { forecast, time } = left;
  const rest = `${counted(forecast.briefs, 'brief')} for ${sumText(forecast)}; ${timeText(time)}.${failureText(result)}`;
  lines.push(
    ...hangingLines('The rest, by that: ', rest, width),
    'To make the rest (what the trial made is not made again):',
    `  ${goOn}`,
  );
  return lines;
}

function failureText({ others, succeeded, left }: TrialResult): string {
  if (others === 0) return '';
  const share = others / (others + succeeded);
  const percent = Math.round(share * 100);
  const briefs = Math.round(share * left.forecast.briefs);
  return ` If ${percent} % fail as in the trial, that is ${counted(briefs, 'brief')}.`;
}
