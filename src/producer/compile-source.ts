import type { Compilation } from './compilation.js';
import { compileRow, type RowContext, reject } from './compile-row.js';
import { noRowsReason, readRows } from './read-rows.js';
import type { WantedReference } from './references/reference-files.js';
import type { Row, RowGroup, UnreadableRow } from './row.js';
import type { RowSelection, Selected } from './row-selection.js';
import { type Source, sourceFault } from './source.js';
import { SourceColumns } from './source-columns.js';

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
