import { counted } from '../shared/quantities.js';
import { spoolBrief } from './brief-spool.js';
import type { Compilation } from './compilation.js';
import type { PreparedOutput } from './prepare-output.js';
import { claimsOf } from './prepare-row.js';
import type { RowFault } from './rejection.js';
import { spoolRejection } from './rejection-spool.js';
import type { Row } from './row.js';
import type { Source } from './source.js';
import type { SourceColumns } from './source-columns.js';

export interface RowContext {
  source: Source;
  columns: SourceColumns;
  compilation: Compilation;
}

/** `wants`: nothing was done yet, because the row's references have to be looked at first. */
export function compileRow(row: Row, context: RowContext): 'done' | 'wants' {
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
  const place = { source: source.name, row };
  compilation.warnings.note({ rule: 'missing_cells' }, place, () => {
    return 'fewer cells than the header has; those that are missing count as empty';
  });
}

export function reject(
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
  const { index, sourceNames, counts, briefs, modelUse, uploads, names } = compilation;
  const { model, variants, files, name } = prepared;
  const source = sourceNames.length - 1;
  const claims = claimsOf(prepared).map((claim) => index.claim({ ...claim, source, row }));
  if (claims.every(({ kind }) => kind === 'duplicate')) {
    counts.duplicates++;
    return;
  }
  counts.briefs += variants;
  modelUse.set(model, (modelUse.get(model) ?? 0) + variants);
  uploads.add(model, files);
  spoolBrief(briefs, prepared, names.next(name, variants));
}
