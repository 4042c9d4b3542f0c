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
    if (faults.some(({ kind }) => kind === 'no_prompt')) columns.noteMissingPrompt(row);
    reject(context, { row: row.number, id, faults });
    return 'done';
  }
  const { id, outputs } = result;
  if (outputs.length === 0) {
    compilation.counts.rows--;
    compilation.counts.leftOut++;
    return 'done';
  }
  const clash = findClash(outputs, row.number, context);
  if (clash !== null) reject(context, { row: row.number, id, faults: [clash] });
  else for (const prepared of outputs) admit(prepared, row.number, context);
  return 'done';
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
