import type { NameCounter } from './file-name.js';
import type { IdIndex } from './id-index.js';
import type { InputWarnings } from './input-warnings.js';
import type { Mapping } from './mapping.js';
import type { RowPreparer } from './prepare-row.js';
import type { ReferenceFiles } from './references/reference-files.js';
import type { UploadPlan } from './references/upload-plan.js';
import type { RowSelection, Sample } from './row-selection.js';
import type { Spool } from './spool.js';

/** What all files of one input share. */
export interface Compilation {
  mapping: Mapping;
  preparer: RowPreparer;
  selection: RowSelection;
  index: IdIndex;
  names: NameCounter;
  briefs: Spool;
  rejections: Spool;
  counts: InputCounts;
  modelUse: Map<string, number>;
  references: ReferenceFiles;
  uploads: UploadPlan;
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
