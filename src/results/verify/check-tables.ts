import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { CsvError, parse } from 'csv-parse';
import { z } from 'zod';
import { quoteName } from '../../shared/quantities.js';
import { readLines } from '../../shared/read-lines.js';
import { fileNames } from '../file-names.js';
import type { RunReport } from '../run-report.js';
import { linesReported, linesText, type ManifestTally, missingLines } from './check-manifest.js';
import type { Findings } from './findings.js';

const path = fileNames.table;

/**
 * The table against `run.json`, and lines that are missing from the manifest: the table, which has a row for
 * each line of a finished batch, knows which briefs they were of.
 */
export async function checkTable(
  folder: string,
  report: RunReport,
  tally: ManifestTally,
  findings: Findings,
): Promise<void> {
  const most = missingLines(report, tally) + 1;
  const table = await readTable(join(folder, path), {
    isKnown: (briefId) => tally.hasBrief(briefId),
    most,
  });
  reportMissing({ report, tally, findings }, table.kind === 'read' ? table.unknownIds : []);
  // Until a batch has finished there is none, or one of an earlier end.
  if (report.state !== 'finished') return;
  switch (table.kind) {
    case 'absent':
      findings.problem('table_missing', `The batch is finished and has no ${path}.`, { path });
      return;
    case 'unreadable':
      findings.problem('table_unreadable', `${path} cannot be read (${table.reason}).`, { path });
      return;
    case 'read': {
      const lines = linesReported(report);
      if (table.rows === lines) return;
      const message = `${path} has ${table.rows} rows under its header, and the batch ${lines} lines.`;
      findings.problem('table_differs', message, { path });
      return;
    }
    default:
      table satisfies never;
  }
}

function reportMissing(
  { report, tally, findings }: { report: RunReport; tally: ManifestTally; findings: Findings },
  onlyInTable: readonly string[],
): void {
  const missing = missingLines(report, tally);
  if (missing === 0) return;
  // More than are missing means that ids were changed in the table: then it names nobody.
  const named = onlyInTable.length <= missing ? onlyInTable : [];
  for (const briefId of named) {
    const message = `Brief ${quoteName(briefId)} has no line in ${fileNames.manifest}; ${fileNames.report} counts one, and ${path} has it.`;
    findings.problem('line_missing', message, { brief_id: briefId, path: fileNames.manifest });
  }
  if (missing === named.length) return;
  const message = `${linesText(report, tally)}: ${missing - named.length} more are missing than can be named.`;
  findings.problem('line_missing', named.length > 0 ? message : unnamed(report, tally), {
    path: fileNames.manifest,
  });
}

function unnamed(report: RunReport, tally: ManifestTally): string {
  return `${linesText(report, tally)}: ${missingLines(report, tally)} missing.`;
}

type TableReading =
  | { kind: 'absent' }
  | { kind: 'unreadable'; reason: string }
  /** `unknownIds`: briefs that have a row here and that are not known; no more of them than were wanted. */
  | { kind: 'read'; rows: number; unknownIds: string[] };

/** Counts the data rows of `manifest.csv`, in constant memory, and says which briefs only it knows. */
async function readTable(
  path: string,
  { isKnown, most }: { isKnown(briefId: string): boolean; most: number },
): Promise<TableReading> {
  let rows = -1;
  let idColumn = -1;
  const unknownIds: string[] = [];
  // Somebody may have opened and saved it: the number of rows counts, not how cells are quoted.
  const parser = parse({ bom: true, relax_column_count: true, relax_quotes: true });
  try {
    await pipeline(createReadStream(path), parser, async (records: AsyncIterable<string[]>) => {
      for await (const cells of records) {
        rows += 1;
        const id = idOf(cells[idColumn]);
        if (rows === 0) idColumn = cells.findLastIndex((name) => /^(result_)*brief_id$/.test(name));
        else if (unknownIds.length < most && id !== null && !id.some(isKnown))
          unknownIds.push(id[0]);
      }
    });
  } catch (error) {
    return explain(error);
  }
  return rows < 0
    ? { kind: 'unreadable', reason: 'it is empty' }
    : { kind: 'read', rows, unknownIds };
}

/** The id that a cell stands for, and the cell as it is: a formula's apostrophe is not part of the id. */
function idOf(cell: string | undefined): [string, string] | null {
  return cell === undefined ? null : [cell.replace(/^'(?=[=+\-@\t\r＝＋－＠])/, ''), cell];
}

function explain(error: unknown): TableReading {
  if (error instanceof CsvError) return { kind: 'unreadable', reason: error.message };
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return { kind: 'absent' };
  if (typeof code === 'string') return { kind: 'unreadable', reason: code };
  throw error;
}

const faultSchema = z.object({ source: z.string(), row: z.number() });
const rejectedPath = fileNames.rejected;

/** `rejected.jsonl` has a line for each fault; `run.json` counts the rows that have any (S4). */
export async function checkRejected(
  folder: string,
  report: RunReport,
  findings: Findings,
): Promise<void> {
  const { rejected } = report.counts;
  const found = await countRejected(join(folder, rejectedPath));
  if (found.rows === rejected) return;
  if (found.lines === 0) {
    // `enqueue` may have printed them, or written them elsewhere.
    findings.warning(
      'rejected_missing',
      `${fileNames.report} says that ${rejected} rows were rejected, and there is no ${rejectedPath} that says which.`,
      { path: rejectedPath },
    );
    return;
  }
  findings.problem(
    'rejected_differs',
    `${fileNames.report} says that ${rejected} rows were rejected, ${rejectedPath} has faults of ${found.rows}; a check of another input may have replaced it.`,
    { path: rejectedPath },
  );
}

async function countRejected(file: string): Promise<{ lines: number; rows: number }> {
  let lines = 0;
  let rows = 0;
  let last = '';
  for await (const { text } of readLines(file)) {
    if (text === '') continue;
    lines += 1;
    const key = rowOf(text);
    // The faults of one row stand together; two files of one name may both have a row 3.
    if (key !== last) rows += 1;
    last = key;
  }
  return { lines, rows };
}

/** A line that cannot be read counts as a row of its own. */
function rowOf(text: string): string {
  try {
    const { source, row } = faultSchema.parse(JSON.parse(text));
    return `${row} ${source}`;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof z.ZodError) return `unreadable ${text}`;
    throw error;
  }
}
