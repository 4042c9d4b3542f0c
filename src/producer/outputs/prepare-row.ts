import type { Output } from '../mapping/mapping.js';
import type { WantedReference } from '../references/files.js';
import { addFault, type RowFault } from '../rejection.js';
import { trimCell } from '../rows/cell-text.js';
import { WatchedCondition } from '../rows/condition.js';
import {
  type ColumnRoles,
  RolesOfColumns,
  readJsonFields,
  readTextFields,
} from '../rows/read-fields.js';
import type { OwnFields, Row } from '../rows/row.js';
import type { Source } from '../sources/source.js';
import { variantIds } from '../steps/variants.js';
import { renderTemplate } from '../template/template.js';
import { idFault } from './checks.js';
import {
  type Before,
  longestSuffix,
  OutputPreparer,
  type PreparedOutput,
  type PreparerOptions,
} from './prepare-output.js';

/** `id` is what is known of it, to name the row by. */
export type PreparedOrRefused =
  /** Empty where no output's conditions hold. */
  | { kind: 'prepared'; id: string | null; outputs: PreparedOutput[] }
  /** References that nobody has looked at yet: to be prepared again when that is done. */
  | { kind: 'wants'; wanted: readonly WantedReference[] }
  | { kind: 'refused'; id: string | null; faults: RowFault[] };

/** Turns one row into its briefs, or names everything that is wrong with it. */
export class RowPreparer {
  readonly #columns: RolesOfColumns;
  readonly #outputs: OutputPreparer;
  readonly #suffixLength: number;
  readonly #wanted: readonly { output: Output; when: readonly WatchedCondition[] }[];

  constructor(private readonly options: PreparerOptions) {
    this.#wanted = options.mapping.outputs.map((output) => ({
      output,
      when: output.when.map(
        (condition) => new WatchedCondition(condition, `output ${output.name}: when`),
      ),
    }));
    this.#columns = new RolesOfColumns(options.mapping);
    this.#outputs = new OutputPreparer(options);
    this.#suffixLength = Math.max(...options.mapping.outputs.map(longestSuffix));
  }

  /**
   * The source's name goes into the origin; relative references begin in its folder. One bad output makes the whole
   * row a bad one.
   */
  prepare(row: Row, source: Pick<Source, 'name' | 'folder'>): PreparedOrRefused {
    const faults: RowFault[] = [];
    const wanted: WantedReference[] = [];
    const roles = this.#columns.of(row.columns);
    const fields = this.#readFields(row, roles, faults);
    // A field of the wrong type is missing here: faults that follow from that would only confuse.
    if (fields === null) return { kind: 'refused', id: null, faults };
    const givenId = this.#idOf(row, fields, faults);
    const parts = { row, fields, givenId, roles, source };
    const outputs: PreparedOutput[] = [];
    const made = new Map<string, Before>();
    const leftOut = new Set<string>();
    for (const { output, when } of this.#wanted) {
      const { name, approve } = output;
      const isAsked = when.every((condition) => condition.holds(row));
      if (!isAsked || output.after.some((before) => leftOut.has(before))) {
        if (name !== null) leftOut.add(name);
        continue;
      }
      const prepared = this.#outputs.prepare(parts, { output, made }, faults, wanted);
      if (prepared === null) continue;
      outputs.push(prepared);
      if (name !== null) made.set(name, { output: name, prepared, approve });
    }
    if (wanted.length > 0) return { kind: 'wants', wanted };
    return faults.length > 0
      ? { kind: 'refused', id: givenId, faults: withoutRepeats(faults) }
      : { kind: 'prepared', id: givenId, outputs };
  }

  /** A sentence for each condition of an output that held for no row. */
  unmet(): string[] {
    const conditions = this.#wanted.flatMap(({ when }) => when);
    return conditions.flatMap((condition) => condition.unmet() ?? []);
  }

  #readFields(row: Row, roles: ColumnRoles, faults: RowFault[]): OwnFields | null {
    const context = { roles, mapping: this.options.mapping };
    return row.kind === 'text'
      ? readTextFields(row, context, faults)
      : readJsonFields(row, context, faults);
  }

  /** Null where the row has no id of its own, or none that can be used. */
  #idOf(row: Row, fields: OwnFields, faults: RowFault[]): string | null {
    const template = this.options.mapping.id;
    const text = template === null ? fields.id : renderTemplate(template, row, faults);
    if (text === null) return null;
    const id = trimCell(text);
    const column = template === null ? 'id' : (template.columns[0] ?? 'id');
    const fault = idFault(id, { column, suffixLength: this.#suffixLength });
    addFault(faults, fault);
    return fault === null ? id : null;
  }
}

/** What an id must not be taken for: with several outputs, `a/b` with variant 1 is also output `1` of a row `a/b`. */
export function claimsOf(prepared: PreparedOutput) {
  const { id, output, fingerprint } = prepared;
  // Of a row that makes one thing, what stands before the variant tells it.
  const ids = output === null ? [id] : variantIds(prepared);
  return ids.map((claimed) => ({ id: claimed, fingerprint }));
}

/** Several outputs may meet the same fault. */
function withoutRepeats(faults: RowFault[]): RowFault[] {
  const seen = new Set<string>();
  return faults.filter(({ kind, column, reason }) => {
    const key = `${kind} ${column} ${reason}`;
    return !seen.has(key) && seen.add(key);
  });
}
