import type { Hash } from 'node:crypto';
import { counted } from '../shared/quantities.js';
import type { IdIndex } from './id-index.js';
import type { Mapping } from './mapping/mapping.js';
import type { NameCounter } from './outputs/file-name.js';
import type { PreparedOutput } from './outputs/prepare-output.js';
import { claimsOf, type RowPreparer } from './outputs/prepare-row.js';
import type { NeededUploads, ReferenceFiles, WantedReference } from './references/files.js';
import type { RowFault } from './rejection.js';
import type { Row, RowGroup, UnreadableRow } from './rows/row.js';
import type { RowSelection, Sample, Selected } from './rows/select-rows.js';
import { SourceColumns } from './rows/source-columns.js';
import { noRowsReason, readRows } from './sources/read-rows.js';
import { type Source, sourceFault } from './sources/source.js';
import { type Spool, spoolBrief, spoolRejection } from './spool.js';
import type { StepCounts } from './steps/step-counts.js';
import { countVariants } from './steps/variants.js';
import type { InputWarnings } from './warnings.js';

/** @throws BatchError `bad_input` for a fault of the whole file. */
export async function compileSource(source: Source, compilation: Compilation): Promise<void> {
  const { counts, briefs, rejections, sourceNames, selection } = compilation;
  const columns = new SourceColumns(compilation.mapping, source, compilation.warnings);
  const context = { source, columns, compilation };
  const before = counts.rows + counts.leftOut;
  sourceNames.push(source.name);
  selection.beginSource();
  for await (const group of readRows(source)) {
    const taken = takeRows(group, context);
    for (const [index, { number, selected }] of taken.entries()) {
      if (selected.kind === 'refused') {
        reject(context, { row: number, id: null, faults: [selected.fault] });
      } else if (compileRow(selected.row, context) === 'wants') {
        await learnReferences(taken.slice(index), context);
        compileRow(selected.row, context);
      }
      if (briefs.isFull) await briefs.flush();
      if (rejections.isFull) await rejections.flush();
    }
    if (compilation.rowsLeft === 0) break;
  }
  if (counts.rows + counts.leftOut === before) {
    throw sourceFault(source.label, noRowsReason(source));
  }
  columns.finish();
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

interface TakenRow {
  number: number;
  selected: Exclude<Selected, { kind: 'left_out' }>;
}

/** Which rows are asked for is known before anything is made of them. */
function takeRows(group: RowGroup, { columns, compilation }: RowContext): TakenRow[] {
  const { counts, selection, sample } = compilation;
  const taken: TakenRow[] = [];
  for (const read of group) {
    if (compilation.rowsLeft === 0) break;
    if (read.kind !== 'unreadable') columns.note(read);
    const selected = selectRow(read, selection);
    if (selected.kind !== 'left_out') compilation.rowsLeft--;
    if (selected.kind === 'left_out' || sample?.takesNext() === false) {
      counts.leftOut++;
      continue;
    }
    counts.rows++;
    taken.push({ number: read.number, selected });
  }
  return taken;
}

/** A row that cannot be read is not left out without a word. */
function selectRow(read: Row | UnreadableRow, selection: RowSelection): Selected {
  return read.kind === 'unreadable'
    ? { kind: 'refused', fault: read.fault }
    : selection.select(read);
}

/** Looks at what all these rows refer to, at once: those behind the first most likely have files of their own. */
async function learnReferences(
  rows: readonly TakenRow[],
  { source, compilation }: RowContext,
): Promise<void> {
  const { preparer, references } = compilation;
  const wanted: WantedReference[] = [];
  for (const { selected } of rows) {
    if (selected.kind === 'refused') continue;
    const result = preparer.prepare(selected.row, source);
    if (result.kind === 'wants') wanted.push(...result.wanted);
  }
  await references.learn(wanted);
}

interface RowContext {
  source: Source;
  columns: SourceColumns;
  compilation: Compilation;
}

/** `wants`: nothing was done yet, because the row's references have to be looked at first. */
function compileRow(row: Row, context: RowContext): 'done' | 'wants' {
  const { source, columns, compilation } = context;
  const result = compilation.preparer.prepare(row, source);
  if (result.kind === 'wants') return 'wants';
  if (result.kind === 'refused') {
    const { id, faults } = result;
    columns.noteRefused(row, faults);
    reject(context, { row: row.number, id, faults: faults.map((fault) => ofCutRow(fault, row)) });
    return 'done';
  }
  const { id, outputs } = result;
  columns.noteMade(row);
  if (outputs.length === 0) {
    compilation.counts.rows--;
    compilation.counts.leftOut++;
    return 'done';
  }
  const clash = findClash(outputs, row.number, context);
  if (row.missingCells > 0) noteMissingCells(row, context);
  if (clash !== null) reject(context, { row: row.number, id, faults: [clash] });
  else for (const prepared of outputs) admit(prepared, row.number, context);
  return 'done';
}

/** What is empty because the row ends before it is told with that. */
function ofCutRow(fault: RowFault, { missingCells }: Row): RowFault {
  const isEmpty = fault.kind === 'empty_value' || fault.kind === 'no_prompt';
  if (missingCells === 0 || !isEmpty) return fault;
  const reason = `${fault.reason}; the row has ${counted(missingCells, 'cell')} fewer than the header`;
  return { ...fault, reason };
}

/** A line break in a cell without quotes cuts a row in two, and both parts may look like rows that end early. */
function noteMissingCells({ number: row }: Row, { source, compilation }: RowContext): void {
  const position = { source: source.name, row };
  compilation.warnings.note({ rule: 'missing_cells' }, position, () => {
    return 'fewer cells than the header has; the missing cells count as empty';
  });
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
  const { index, sourceNames, counts, briefs, modelUse, steps, uploads, names, digest } =
    compilation;
  const { id, output, model, axes, files, fileHoles, name, fingerprint } = prepared;
  const variants = countVariants(axes);
  const source = sourceNames.length - 1;
  const claims = claimsOf(prepared).map((claim) => index.claim({ ...claim, source, row }));
  if (claims.every(({ kind }) => kind === 'duplicate')) {
    counts.duplicates++;
    return;
  }
  counts.briefs += variants;
  steps.add(output, model, variants);
  modelUse.set(model, (modelUse.get(model) ?? 0) + variants);
  uploads.add(model, files);
  uploads.addMade(variants * fileHoles);
  // None of them holds a line feed.
  digest.update(`${id}\n${variants}\n${fingerprint}\n`);
  spoolBrief(briefs, prepared, names.next(name, variants));
}

/** What all files of one input share. */
export interface Compilation {
  mapping: Mapping;
  preparer: RowPreparer;
  selection: RowSelection;
  index: IdIndex;
  names: NameCounter;
  /** Over all briefs, in their order. */
  digest: Hash;
  briefs: Spool;
  rejections: Spool;
  counts: InputCounts;
  modelUse: Map<string, number>;
  steps: StepCounts;
  references: ReferenceFiles;
  uploads: NeededUploads;
  /** Rows that may still be taken. */
  rowsLeft: number;
  /** Null: every one of them. */
  sample: Sample | null;
  /** Names of the files so far, for a fault that points at a row of another file. */
  sourceNames: string[];
  warnings: InputWarnings;
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
