import { contentFingerprint } from '../shared/brief.js';
import { bodyText, originText } from './brief-text.js';
import { bodyFault, idFault, modelFault, promptFault } from './check-content.js';
import { type ColumnPlan, ColumnPlanner } from './column-plan.js';
import { completeParams } from './complete-params.js';
import { holds } from './condition.js';
import type { KnownModels } from './known-models.js';
import type { Mapping, Output } from './mapping.js';
import type { OwnFields } from './own-fields.js';
import { readJsonFields } from './read-json-fields.js';
import { readTextFields } from './read-text-fields.js';
import { readReferences } from './reference-media.js';
import type { RowFault } from './rejection.js';
import type { Row } from './row.js';
import { isBlank, renderTemplate, type Template } from './template.js';

/** One output of a good row as the texts that will be spooled; `id` is without a variant's number. */
export interface PreparedOutput {
  id: string;
  /** Whether the row makes this alone, so that the id before the variant tells the row. */
  of: 'only_output' | 'several_outputs';
  variants: number;
  model: string;
  fingerprint: string;
  origin: string;
  body: string;
}

/** What an id must not be taken for: with several outputs, `a/b` with variant 1 is also output `1` of a row `a/b`. */
export function claimsOf({ id, of, variants, fingerprint }: PreparedOutput) {
  if (of === 'only_output' || variants === 1) return [{ id, fingerprint }];
  return Array.from({ length: variants }, (_, index) => ({
    id: `${id}/${index + 1}`,
    fingerprint,
  }));
}

/** `id` is what is known of it, to name the row by. */
export type PreparedOrRefused =
  /** Empty where no output's conditions hold. */
  | { kind: 'prepared'; id: string | null; outputs: PreparedOutput[] }
  | { kind: 'refused'; id: string | null; faults: RowFault[] };

interface RowPreparerOptions {
  mapping: Mapping;
  models: KnownModels;
}

/** What all outputs of one row share. */
interface RowParts {
  row: Row;
  fields: OwnFields;
  givenId: string | null;
  plan: ColumnPlan;
  sourceName: string;
}

/** Length of the fingerprint's head that stands in for an id: 64 bits; a collision is a rejected row. */
const HASH_ID_LENGTH = 16;

/** Turns one row into texts, or names everything that is wrong with it. */
export class RowPreparer {
  readonly #planner: ColumnPlanner;
  readonly #suffixLength: number;

  constructor(private readonly options: RowPreparerOptions) {
    this.#planner = new ColumnPlanner(options.mapping);
    this.#suffixLength = Math.max(...options.mapping.outputs.map(suffixLength));
  }

  /** `sourceName` goes into the origin. One bad output makes the whole row a bad one. */
  prepare(row: Row, sourceName: string): PreparedOrRefused {
    const faults: RowFault[] = [];
    const plan = this.#planner.planFor(row.columns);
    const fields = this.#readFields(row, plan, faults);
    // A field of the wrong type is missing here: faults that follow from that would only confuse.
    if (fields === null) return { kind: 'refused', id: null, faults };
    const givenId = this.#idOf(row, fields, faults);
    const parts = { row, fields, givenId, plan, sourceName };
    const outputs: PreparedOutput[] = [];
    for (const output of this.options.mapping.outputs) {
      if (!output.when.every((condition) => holds(condition, row))) continue;
      const prepared = this.#prepareOutput(parts, output, faults);
      if (prepared !== null) outputs.push(prepared);
    }
    return faults.length > 0
      ? { kind: 'refused', id: givenId, faults: withoutRepeats(faults) }
      : { kind: 'prepared', id: givenId, outputs };
  }

  #prepareOutput(parts: RowParts, output: Output, faults: RowFault[]): PreparedOutput | null {
    const { row, fields, givenId, plan, sourceName } = parts;
    const { mapping, models } = this.options;
    const model = this.#modelOf(parts, output, faults);
    const known = models.get(model);
    const prompt = promptOf(parts, output.prompt ?? mapping.prompt, faults);
    if (prompt !== 'refused') addFault(faults, promptFault(prompt, { model, known }));
    const params = completeParams({ row, fields, mapping, output }, known, faults);
    const { urls, media } = readReferences({ references: fields.references, params }, faults);
    if (faults.length > 0 || prompt === 'refused') return null;

    const body = bodyText({ model, prompt, params, media });
    addFault(faults, bodyFault(body));
    if (faults.length > 0) return null;
    const fingerprint = contentFingerprint({ model, prompt, params, references: urls });
    const base = givenId ?? fingerprint.slice(0, HASH_ID_LENGTH);
    const id = output.name === null ? base : `${base}/${output.name}`;
    const { metadata } = fields;
    const origin = originText({ row, plan, sourceName, references: urls, metadata });
    const of = output.name === null ? 'only_output' : 'several_outputs';
    return { id, of, variants: output.variants, model, fingerprint, origin, body };
  }

  #readFields(row: Row, plan: ColumnPlan, faults: RowFault[]): OwnFields | null {
    const context = { plan, mapping: this.options.mapping };
    return row.kind === 'text'
      ? readTextFields(row, context, faults)
      : readJsonFields(row, context, faults);
  }

  /** Null where the row has no id of its own, or none that can be used. */
  #idOf(row: Row, fields: OwnFields, faults: RowFault[]): string | null {
    const template = this.options.mapping.id;
    const text = template === null ? fields.id : renderTemplate(template, row, faults);
    if (text === null) return null;
    const id = text.trim();
    const column = template === null ? 'id' : (template.columns[0] ?? 'id');
    const fault = idFault(id, { column, suffixLength: this.#suffixLength });
    addFault(faults, fault);
    return fault === null ? id : null;
  }

  /** Empty where there is none; the fault is then noted. */
  #modelOf({ row, fields }: RowParts, output: Output, faults: RowFault[]): string {
    const own = output.model === null ? (fields.model?.trim() ?? '') : '';
    const template = output.model ?? this.options.mapping.model;
    const isOwn = own !== '' || template === null;
    const text = isOwn ? own : renderTemplate(template, row, faults);
    if (text === null) return '';
    const model = text.trim();
    addFault(faults, modelFault(model, this.options.models.get(model)));
    return model;
  }
}

/** `refused` where a template lacks a value, which is a fault already. */
function promptOf(
  { row, fields }: RowParts,
  template: Template | null,
  faults: RowFault[],
): string | null | 'refused' {
  if (template === null) {
    return fields.prompt === null || isBlank(fields.prompt) ? null : fields.prompt;
  }
  const prompt = renderTemplate(template, row, faults);
  if (prompt === null) return 'refused';
  return isBlank(prompt) ? null : prompt;
}

/** How much longer than the row's id the longest id of an output is. */
function suffixLength({ name, variants }: Output): number {
  const ofName = name === null ? 0 : `/${name}`.length;
  return ofName + (variants > 1 ? `/${variants}`.length : 0);
}

function addFault(faults: RowFault[], fault: RowFault | null): void {
  if (fault !== null) faults.push(fault);
}

/** Several outputs may meet the same fault. */
function withoutRepeats(faults: RowFault[]): RowFault[] {
  const seen = new Set<string>();
  return faults.filter(({ kind, column, reason }) => {
    const key = `${kind} ${column} ${reason}`;
    return !seen.has(key) && seen.add(key);
  });
}
