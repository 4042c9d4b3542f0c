import { readFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { z } from 'zod';
import { firstFault } from '../../shared/json.js';
import type { Asset, LineStatus, ManifestLine } from '../../shared/manifest-line.js';
import { quoteName } from '../../shared/quantities.js';
import { TextIndex } from '../../shared/text-index.js';
import { fileNames } from '../file-names.js';
import { chargedFor, readHistory, readManifest, type Span, SpanIndex } from '../manifest.js';
import { type RunReport, runReportSchema } from '../run-report.js';
import type { Findings } from './findings.js';

export interface NamedAsset {
  asset: Asset;
  briefId: string;
  /** Of the manifest. */
  row: number;
}

const path = fileNames.manifest;

/** Counts the manifest's lines, reports those that are not as they should be, and yields each file that they name. */
export async function* walkManifest(
  folder: string,
  tally: ManifestTally,
  findings: Findings,
): AsyncGenerator<NamedAsset> {
  for await (const found of readManifest(folder)) {
    const { row } = found;
    switch (found.kind) {
      case 'line':
        yield* countLine(folder, found, { tally, findings });
        break;
      case 'blank':
        break;
      case 'torn':
        tally.tornRow = row;
        break;
      case 'unreadable': {
        tally.unreadable += 1;
        const message = `Line ${row} of ${path} cannot be read (${found.reason}).`;
        findings.problem('line_unreadable', message, { path, row });
        break;
      }
      default:
        found satisfies never;
    }
  }
}

async function* countLine(
  folder: string,
  { line, row, ...span }: { line: ManifestLine; row: number } & Span,
  { tally, findings }: { tally: ManifestTally; findings: Findings },
): AsyncGenerator<NamedAsset> {
  const briefId = line.brief_id;
  const position = { brief_id: briefId, row };
  const counted = tally.add(line, row);
  if (counted.kind === 'twice') {
    const message = `Brief ${quoteName(briefId)} has a second line, on row ${row}; the first is on row ${counted.firstRow}.`;
    findings.problem('line_twice', message, { ...position, path });
  }
  for (const asset of filesOf(line)) {
    const earlier = tally.claim(asset.path, span);
    const namer = earlier && (await briefAt(folder, earlier));
    // A second line of the same brief is reported as that; its files were looked at with the first.
    if (namer === briefId && counted.kind === 'twice') continue;
    if (namer !== null) {
      const message = `${quoteName(asset.path)} is named by brief ${quoteName(namer)} and by brief ${quoteName(briefId)}; on some systems names that differ only in case are one file.`;
      findings.problem('asset_shared', message, { ...position, path: asset.path });
    }
    yield { asset, briefId, row };
  }
}

function filesOf({ assets, aside = [] }: ManifestLine): Asset[] {
  return [...assets, ...aside];
}

/** Whose line stands there. */
async function briefAt(folder: string, { offset }: Span): Promise<string> {
  for await (const found of readManifest(folder, offset)) {
    if (found.kind === 'line') return found.line.brief_id;
    break;
  }
  return '';
}

/**
 * What the lines of a manifest add up to; a line that is there twice counts once. Of a brief it keeps some 25 bytes, of a
 * file some 33, however long their names are.
 */
export class ManifestTally {
  lines = 0;
  /** Lines that could not be read: each may stand for a brief. */
  unreadable = 0;
  /** Row of a last line without its end. */
  tornRow: number | null = null;
  batch: string | null = null;
  readonly byStatus: Record<LineStatus, number> = {
    succeeded: 0,
    failed: 0,
    unknown: 0,
    cancelled: 0,
  };
  /** Credits that were charged for these lines, and those of cancelled ones, which may have been. */
  readonly credits = { charged: 0, cancelled: 0 };
  private readonly rows = new TextIndex(1);
  /** The lines that named files first. */
  private readonly namers = new SpanIndex();

  /** Counts a line; or says on which row its brief has one already. */
  add(line: ManifestLine, row: number): { kind: 'new' } | { kind: 'twice'; firstRow: number } {
    const { kind, words } = this.rows.claim(line.brief_id);
    if (kind === 'known') return { kind: 'twice', firstRow: words[0] ?? 0 };
    words[0] = row;
    this.batch ??= line.batch;
    this.lines += 1;
    this.byStatus[line.status] += 1;
    const charged = chargedFor(line);
    if (line.status === 'cancelled') this.credits.cancelled += charged;
    else this.credits.charged += charged;
    return { kind: 'new' };
  }

  hasBrief(briefId: string): boolean {
    return this.rows.has(briefId);
  }

  /** Notes which line names a file; the one that did so before, or null. */
  claim(path: string, span: Span): Span | null {
    const name = comparablePath(path);
    const earlier = this.namers.find(name);
    if (earlier === null) this.namers.set(name, span);
    return earlier;
  }

  names(path: string): boolean {
    return this.namers.has(comparablePath(path));
  }
}

/** One form for names that some file system takes for the same file: case, `ß` and `SS`, composed letters. */
export function comparablePath(path: string): string {
  return posix.normalize(path).normalize('NFC').toLowerCase().toUpperCase().toLowerCase();
}

export interface History {
  /** Files that earlier lines named, in comparable form. */
  paths: Pick<TextIndex, 'has'>;
  /** Credits that were charged for them. */
  charged: number;
}

export async function sumHistory(folder: string): Promise<History> {
  const paths = new TextIndex(0);
  let charged = 0;
  for await (const line of readHistory(folder)) {
    charged += chargedFor(line);
    for (const asset of filesOf(line)) paths.claim(comparablePath(asset.path));
  }
  return { paths, charged };
}

const statuses: readonly LineStatus[] = ['succeeded', 'failed', 'unknown', 'cancelled'];

/** How many lines `run.json` speaks of. */
export function linesReported({ counts }: RunReport): number {
  return statuses.reduce((sum, status) => sum + counts[status], 0);
}

/** Both counts, to begin a sentence with. */
export function linesText(report: RunReport, tally: ManifestTally): string {
  return `${fileNames.report} says ${linesReported(report)} lines, ${fileNames.manifest} has ${tally.lines}`;
}

/** S4 within `run.json` itself. */
export function checkSum(report: RunReport, findings: Findings): void {
  const { briefs, rejected, duplicate, admitted, pending } = report.counts;
  const say = (message: string) =>
    findings.problem('counts_do_not_add_up', message, { path: fileNames.report });
  if (briefs !== rejected + duplicate + admitted) {
    say(
      `${fileNames.report} says ${briefs} briefs, but ${rejected} rejected, ${duplicate} duplicate and ${admitted} admitted make ${rejected + duplicate + admitted}.`,
    );
  }
  const ended = linesReported(report);
  if (admitted !== ended + pending) {
    say(
      `${fileNames.report} says ${admitted} admitted, but ${statusText(report.counts)} and ${pending} pending make ${ended + pending}.`,
    );
  }
  if (report.state === 'finished' && pending !== 0) {
    say(
      `${fileNames.report} says that the batch is finished, and that ${pending} briefs are pending.`,
    );
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
    const text = linesText(report, tally);
    const later = `a later run of this batch is under way or was cut off; it writes ${fileNames.report} again`;
    if (report.state === 'finished') {
      findings.problem('line_extra', `${text}: either ${later}, or lines were put in.`);
    } else findings.warning('report_outdated', `${text}: ${later}.`);
    return;
  }
  const complete = extra === 0 && tally.unreadable === 0 && tally.tornRow === null;
  if (complete && statuses.some((status) => report.counts[status] !== tally.byStatus[status])) {
    findings.problem(
      'status_counts_differ',
      `${fileNames.report} says ${statusText(report.counts)}; ${fileNames.manifest} has ${statusText(tally.byStatus)}.`,
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
  const position = { path: fileNames.manifest, row: tally.tornRow };
  const text = `The last line of ${fileNames.manifest}, on row ${tally.tornRow}, is cut off`;
  const sentence = `${text}; the next run of the same command repairs it.`;
  // While a run is under way, its last line may just be half way to the disk.
  if (report?.state === 'finished') findings.problem('line_torn', sentence, position);
  else findings.warning('line_torn', sentence, position);
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
    `${fileNames.report} says that ${spent} credits were spent, the lines say ${range}.`,
    { path: fileNames.report },
  );
}

function statusText(counts: Record<LineStatus, number>): string {
  return statuses.map((status) => `${counts[status]} ${status}`).join(', ');
}

const reportPath = fileNames.report;

/** `run.json`; null, and a finding, where there is none that can be read. */
export async function readReport(folder: string, findings: Findings): Promise<RunReport | null> {
  try {
    return runReportSchema.parse(JSON.parse(await readFile(join(folder, reportPath), 'utf8')));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      const message = `There is no ${reportPath}, so the counts cannot be proved: the run is under way or was cut off, and running the same command again writes it.`;
      findings.problem('report_missing', message, { path: reportPath });
      return null;
    }
    const message = `${reportPath} cannot be read (${reasonOf(error)}), so the counts cannot be proved.`;
    findings.problem('report_unreadable', message, { path: reportPath });
    return null;
  }
}

/** @throws what is no fault of the file */
function reasonOf(error: unknown): string {
  if (error instanceof SyntaxError) return 'it is not JSON';
  if (error instanceof z.ZodError) return firstFault(error);
  const { code } = error as NodeJS.ErrnoException;
  if (typeof code === 'string') return code;
  throw error;
}
