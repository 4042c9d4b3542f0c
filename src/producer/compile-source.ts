import { spoolBrief } from './brief-spool.js';
import type { IdIndex } from './id-index.js';
import type { Mapping } from './mapping.js';
import type { PreparedOutput } from './prepare-output.js';
import { claimsOf, type RowPreparer } from './prepare-row.js';
import { readCsv } from './read-csv.js';
import { readJson } from './read-json.js';
import { readJsonLines } from './read-json-lines.js';
import type { RowFault } from './rejection.js';
import { spoolRejection } from './rejection-spool.js';
import type { Row, RowGroup, UnreadableRow } from './row.js';
import type { RowSelection, Sample, Selected } from './row-selection.js';
import { type Source, sourceFault } from './source.js';
import { SourceColumns } from './source-columns.js';
import type { Spool } from './spool.js';

/** What all files of one input share. */
export interface Compilation {
  mapping: Mapping;
  preparer: RowPreparer;
  selection: RowSelection;
  index: IdIndex;
  briefs: Spool;
  rejections: Spool;
  counts: InputCounts;
  modelUse: Map<string, number>;
  /** Rows that may still be taken. */
  rowsLeft: number;
  /** Null: every one of them. */
  sample: Sample | null;
  /** Names of the files so far, for a fault that points at a row of another file. */
  sourceNames: string[];
}

/**
 * `rows` taken = good + `rejected` + `duplicates`, where each row makes one brief; `briefs` are those of good rows,
 * with all outputs and variants. `leftOut` rows were not asked for.
 */
export interface InputCounts {
  rows: number;
  briefs: number;
  rejected: number;
  duplicates: number;
  leftOut: number;
}

/** @throws BatchError `bad_input` for a fault of the whole file. */
export async function compileSource(source: Source, compilation: Compilation): Promise<void> {
  const { counts, briefs, rejections, sourceNames, selection } = compilation;
  const columns = new SourceColumns(compilation.mapping, source);
  const before = counts.rows + counts.leftOut;
  sourceNames.push(source.name);
  selection.beginSource();
  for await (const group of readRows(source)) {
    for (const row of group) {
      if (compilation.rowsLeft === 0) break;
      takeRow(row, { source, columns, compilation });
      if (briefs.isFull) await briefs.flush();
      if (rejections.isFull) await rejections.flush();
    }
    if (compilation.rowsLeft === 0) break;
  }
  if (counts.rows + counts.leftOut === before) {
    throw sourceFault(source.label, noRowsReason(source));
  }
  columns.check();
}

/** The rows that a selection takes, to be counted. */
export async function* takenRows(
  source: Source,
  selection: RowSelection,
): AsyncGenerator<Row | UnreadableRow> {
  selection.beginSource();
  for await (const group of readRows(source)) {
    for (const row of group) {
      if (selectRow(row, selection).kind !== 'left_out') yield row;
    }
  }
}

interface RowContext {
  source: Source;
  columns: SourceColumns;
  compilation: Compilation;
}

/** Which rows are asked for is known before anything is made of them. */
function takeRow(read: Row | UnreadableRow, context: RowContext): void {
  const { columns, compilation } = context;
  if (read.kind !== 'unreadable') columns.note(read);
  const selected = selectRow(read, compilation.selection);
  if (selected.kind === 'left_out') {
    compilation.counts.leftOut++;
    return;
  }
  compilation.rowsLeft--;
  if (compilation.sample?.takesNext() === false) {
    compilation.counts.leftOut++;
    return;
  }
  compilation.counts.rows++;
  if (selected.kind === 'taken') compileRow(selected.row, context);
  else reject(context, { row: read.number, id: null, faults: [selected.fault] });
}

/** A row that cannot be read is not left out without a word. */
function selectRow(read: Row | UnreadableRow, selection: RowSelection): Selected {
  return read.kind === 'unreadable'
    ? { kind: 'refused', fault: read.fault }
    : selection.select(read);
}

function compileRow(row: Row, context: RowContext): void {
  const { source, columns, compilation } = context;
  const result = compilation.preparer.prepare(row, source.name);
  if (result.kind === 'refused') {
    const { id, faults } = result;
    if (faults.some(({ kind }) => kind === 'no_prompt')) columns.noteMissingPrompt(row);
    reject(context, { row: row.number, id, faults });
    return;
  }
  const { outputs } = result;
  if (outputs.length === 0) {
    compilation.counts.rows--;
    compilation.counts.leftOut++;
    return;
  }
  const clash = findClash(outputs, row.number, context);
  if (clash !== null) reject(context, { row: row.number, id: result.id, faults: [clash] });
  else for (const prepared of outputs) admit(prepared, row.number, context);
}

/** Looked for before any output of the row is admitted: a bad row makes nothing. */
function findClash(
  outputs: readonly PreparedOutput[],
  row: number,
  { compilation }: RowContext,
): RowFault | null {
  const { index, sourceNames } = compilation;
  const source = sourceNames.length - 1;
  for (const { id, fingerprint } of outputs.flatMap(claimsOf)) {
    const claim = index.look({ id, fingerprint, source, row });
    if (claim.kind !== 'clash') continue;
    const file = claim.source === source ? '' : ` of ${sourceNames[claim.source]}`;
    const reason = `row ${claim.row}${file} has the same id "${id}" with other content`;
    return { kind: 'id_clash', column: compilation.mapping.id?.columns[0] ?? 'id', reason };
  }
  return null;
}

function admit(prepared: PreparedOutput, row: number, { compilation }: RowContext): void {
  const { index, sourceNames, counts, briefs, modelUse } = compilation;
  const { model, variants } = prepared;
  const source = sourceNames.length - 1;
  const claims = claimsOf(prepared).map((claim) => index.claim({ ...claim, source, row }));
  if (claims.every(({ kind }) => kind === 'duplicate')) {
    counts.duplicates++;
    return;
  }
  counts.briefs += variants;
  modelUse.set(model, (modelUse.get(model) ?? 0) + variants);
  spoolBrief(briefs, prepared);
}

function reject(
  { source, compilation }: RowContext,
  { row, id, faults }: { row: number; id: string | null; faults: RowFault[] },
): void {
  compilation.counts.rejected++;
  for (const { kind, column, reason } of faults) {
    const rejection = { source: source.name, row, id, column, kind, reason };
    spoolRejection(compilation.rejections, rejection);
  }
}

function readRows(source: Source): AsyncGenerator<RowGroup> {
  switch (source.format) {
    case 'csv':
    case 'tsv':
      return readCsv(source);
    case 'json':
      return readJson(source);
    case 'jsonl':
      return readJsonLines(source);
    default:
      return source.format satisfies never;
  }
}

function noRowsReason(source: Source): string {
  const isTable = source.format === 'csv' || source.format === 'tsv';
  return isTable ? 'has a header at most, and no rows' : 'has no briefs in it';
}
