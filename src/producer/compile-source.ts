import { spoolBrief } from './brief-spool.js';
import type { IdIndex } from './id-index.js';
import type { Mapping } from './mapping.js';
import type { PreparedRow, RowPreparer } from './prepare-row.js';
import { readCsv } from './read-csv.js';
import { readJson } from './read-json.js';
import { readJsonLines } from './read-json-lines.js';
import type { ReferenceFiles, WantedReference } from './references/reference-files.js';
import type { UploadPlan } from './references/upload-plan.js';
import type { RowFault } from './rejection.js';
import { spoolRejection } from './rejection-spool.js';
import type { Row, RowGroup, UnreadableRow } from './row.js';
import { type Source, sourceFault } from './source.js';
import { SourceColumns } from './source-columns.js';
import type { Spool } from './spool.js';

/** What all files of one input share. */
export interface Compilation {
  mapping: Mapping;
  preparer: RowPreparer;
  variants: number;
  index: IdIndex;
  briefs: Spool;
  rejections: Spool;
  counts: InputCounts;
  modelUse: Map<string, number>;
  references: ReferenceFiles;
  uploads: UploadPlan;
  /** Rows that may still be read. */
  rowsLeft: number;
  /** Names of the files so far, for a fault that points at a row of another file. */
  sourceNames: string[];
}

/**
 * `rows` read = good + `rejected` + `duplicates`, all in rows, and `briefs` = good rows x variants;
 * so that S4's sum holds in briefs when each term is multiplied by the variants.
 */
export interface InputCounts {
  rows: number;
  briefs: number;
  rejected: number;
  duplicates: number;
}

/** @throws BatchError `bad_input` for a fault of the whole file. */
export async function compileSource(source: Source, compilation: Compilation): Promise<void> {
  const { counts, briefs, rejections, sourceNames } = compilation;
  const columns = new SourceColumns(compilation.mapping, source);
  const rowsBefore = counts.rows;
  sourceNames.push(source.name);
  for await (const group of readRows(source)) {
    const rows = group.slice(0, compilation.rowsLeft);
    for (const [index, row] of rows.entries()) {
      const context = { source, columns, compilation };
      if (compileRow(row, context) === 'wants') {
        await learnReferences(rows.slice(index), context);
        compileRow(row, context);
      }
      if (briefs.isFull) await briefs.flush();
      if (rejections.isFull) await rejections.flush();
    }
    if (compilation.rowsLeft === 0) break;
  }
  if (counts.rows === rowsBefore) throw sourceFault(source.label, noRowsReason(source));
  columns.check();
}

interface RowContext {
  source: Source;
  columns: SourceColumns;
  compilation: Compilation;
}

/** Looks at what all these rows refer to, at once: those behind the first most likely have files of their own. */
async function learnReferences(
  rows: readonly (Row | UnreadableRow)[],
  { source, compilation }: RowContext,
): Promise<void> {
  const { preparer, references } = compilation;
  const wanted: WantedReference[] = [];
  for (const row of rows) {
    const result = row.kind === 'unreadable' ? null : preparer.prepare(row, source);
    if (result?.kind === 'wants') wanted.push(...result.wanted);
  }
  await references.learn(wanted);
}

/** `wants`: nothing was done yet, because the row's references have to be looked at first. */
function compileRow(row: Row | UnreadableRow, context: RowContext): 'done' | 'wants' {
  const { source, columns, compilation } = context;
  if (row.kind === 'unreadable') {
    countRow(compilation);
    reject(context, { row: row.number, id: null, faults: [row.fault] });
    return 'done';
  }
  const result = compilation.preparer.prepare(row, source);
  if (result.kind === 'wants') return 'wants';
  countRow(compilation);
  columns.note(row);
  if (result.kind === 'prepared') {
    admit(result.prepared, row.number, context);
    return 'done';
  }
  const { id, faults } = result;
  if (faults.some(({ kind }) => kind === 'no_prompt')) columns.noteMissingPrompt(row);
  reject(context, { row: row.number, id, faults });
  return 'done';
}

function countRow(compilation: Compilation): void {
  compilation.counts.rows++;
  compilation.rowsLeft--;
}

function admit(prepared: PreparedRow, row: number, context: RowContext): void {
  const { compilation } = context;
  const { index, sourceNames, counts, briefs, modelUse, variants } = compilation;
  const { id, fingerprint, model } = prepared;
  const source = sourceNames.length - 1;
  const claim = index.claim({ id, fingerprint, source, row });
  switch (claim.kind) {
    case 'new':
      counts.briefs += variants;
      modelUse.set(model, (modelUse.get(model) ?? 0) + variants);
      compilation.uploads.add(model, prepared.files);
      spoolBrief(briefs, prepared);
      return;
    case 'duplicate':
      counts.duplicates++;
      return;
    case 'clash': {
      const file = claim.source === source ? '' : ` of ${sourceNames[claim.source]}`;
      const reason = `row ${claim.row}${file} has the same id "${id}" with other content`;
      const column = context.compilation.mapping.id?.columns[0] ?? 'id';
      reject(context, { row, id, faults: [{ kind: 'id_clash', column, reason }] });
      return;
    }
    default:
      claim satisfies never;
  }
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
