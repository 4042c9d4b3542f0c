import type { LineStatus } from '../manifest-line.js';
import type { RunReport } from '../run-report.js';
import type { Findings } from './finding.js';
import type { ManifestTally } from './manifest-tally.js';

const statuses: readonly LineStatus[] = ['succeeded', 'failed', 'unknown', 'cancelled'];

/** How many lines `run.json` speaks of. */
export function linesReported({ counts }: RunReport): number {
  return statuses.reduce((sum, status) => sum + counts[status], 0);
}

/** S4 within `run.json` itself. */
export function checkSum(report: RunReport, findings: Findings): void {
  const { briefs, rejected, duplicate, admitted, pending } = report.counts;
  const say = (message: string) =>
    findings.problem('counts_do_not_add_up', message, { path: 'run.json' });
  if (briefs !== rejected + duplicate + admitted) {
    say(
      `run.json says ${briefs} briefs, but ${rejected} rejected, ${duplicate} duplicate and ${admitted} admitted make ${rejected + duplicate + admitted}.`,
    );
  }
  const ended = linesReported(report);
  if (admitted !== ended + pending) {
    say(
      `run.json says ${admitted} admitted, but ${statusText(report.counts)} and ${pending} pending make ${ended + pending}.`,
    );
  }
  if (report.state === 'finished' && pending !== 0) {
    say(`run.json says that the batch is finished, and that ${pending} briefs are pending.`);
  }
}

/** Lines that `run.json` speaks of and that are not in the manifest, not even as one that cannot be read. */
export function missingLines(report: RunReport, tally: ManifestTally): number {
  const torn = tally.tornRow === null ? 0 : 1;
  return Math.max(0, linesReported(report) - tally.lines - tally.unreadable - torn);
}

/** S4 between `run.json` and the manifest, but for lines that are missing. */
export function checkLines(report: RunReport, tally: ManifestTally, findings: Findings): void {
  const extra = tally.lines - linesReported(report);
  if (extra > 0) {
    const text = `run.json speaks of ${linesReported(report)} lines, manifest.jsonl has ${tally.lines}`;
    const later = 'a later run of this batch is under way or was cut off; it writes run.json anew';
    if (report.state === 'finished') {
      findings.problem('line_extra', `${text}: either ${later}, or lines were put in.`);
    } else findings.warning('report_outdated', `${text}: ${later}.`);
    return;
  }
  const complete = extra === 0 && tally.unreadable === 0 && tally.tornRow === null;
  if (complete && statuses.some((status) => report.counts[status] !== tally.byStatus[status])) {
    findings.problem(
      'status_counts_differ',
      `run.json says ${statusText(report.counts)}; manifest.jsonl has ${statusText(tally.byStatus)}.`,
    );
  }
}

/** A last line without its end: a crash while it was written, or damage to a manifest that was complete. */
export function checkTorn(
  report: RunReport | null,
  tally: ManifestTally,
  findings: Findings,
): void {
  if (tally.tornRow === null) return;
  const place = { path: 'manifest.jsonl', row: tally.tornRow };
  const text = `The last line of manifest.jsonl, on row ${tally.tornRow}, is cut off`;
  const sentence = `${text}; the next run of the same command repairs it.`;
  // While a run is under way, its last line may just be half way to the disk.
  if (report?.state === 'finished') findings.problem('line_torn', sentence, place);
  else findings.warning('line_torn', sentence, place);
}

const leastDifference = 0.001;

/**
 * What `run.json` says was spent is what the lines say was charged. Retried lines were paid too, unless an
 * earlier life of the batch put them into the history; of cancelled ones it is not sure that they were.
 */
export function checkCredits(
  report: RunReport,
  { credits }: ManifestTally,
  { findings, historyCharged }: { findings: Findings; historyCharged: number },
): void {
  const { spent } = report.credits;
  const most = credits.charged + credits.cancelled + historyCharged;
  if (spent > credits.charged - leastDifference && spent < most + leastDifference) return;
  const range = most === credits.charged ? `${most}` : `between ${credits.charged} and ${most}`;
  findings.problem(
    'credits_differ',
    `run.json says that ${spent} credits were spent, the lines say ${range}.`,
    { path: 'run.json' },
  );
}

function statusText(counts: Record<LineStatus, number>): string {
  return statuses.map((status) => `${counts[status]} ${status}`).join(', ');
}
