import { contentFingerprint } from '../shared/brief.js';
import { bodyText, originText } from './brief-text.js';
import { bodyFault, idFault, modelFault, promptFault } from './check-content.js';
import { type ColumnPlan, ColumnPlanner } from './column-plan.js';
import { completeParams } from './complete-params.js';
import { fileNameOf } from './file-name.js';
import type { KnownModels } from './known-models.js';
import type { Mapping } from './mapping.js';
import type { OwnFields } from './own-fields.js';
import { readJsonFields } from './read-json-fields.js';
import { readTextFields } from './read-text-fields.js';
import { readReferences } from './reference-media.js';
import { referencesOf } from './references-option.js';
import type { RowFault } from './rejection.js';
import type { Row } from './row.js';
import { isBlank, renderTemplate } from './template.js';

/** A good row as the texts that will be spooled; `id` is without a variant's number. */
export interface PreparedRow {
  id: string;
  model: string;
  fingerprint: string;
  origin: string;
  body: string;
}

/** `id` is what is known of it, to name the row by. */
export type PreparedOrRefused =
  | { kind: 'prepared'; prepared: PreparedRow }
  | { kind: 'refused'; id: string | null; faults: RowFault[] };

export interface RowPreparerOptions {
  mapping: Mapping;
  models: KnownModels;
  variants: number;
}

/** Length of the fingerprint's head that stands in for an id: 64 bits; a collision is a rejected row. */
const HASH_ID_LENGTH = 16;

/** Turns one row into texts, or names everything that is wrong with it. */
export class RowPreparer {
  readonly #planner: ColumnPlanner;
  readonly #suffixLength: number;

  constructor(private readonly options: RowPreparerOptions) {
    this.#planner = new ColumnPlanner(options.mapping);
    this.#suffixLength = options.variants > 1 ? `/${options.variants}`.length : 0;
  }

  /** `sourceName` goes into the origin. */
  prepare(row: Row, sourceName: string): PreparedOrRefused {
    const { mapping, models } = this.options;
    const faults: RowFault[] = [];
    const plan = this.#planner.planFor(row.columns);
    const fields = this.#readFields(row, plan, faults);
    // A field of the wrong type is missing here: faults that follow from that would only confuse.
    if (fields === null) return { kind: 'refused', id: null, faults };
    const givenId = this.#idOf(row, fields, faults);
    const model = this.#modelOf(row, fields, faults);
    const known = models.get(model);
    const prompt = this.#promptOf(row, fields, faults);
    if (prompt !== 'refused') {
      addFault(faults, promptFault(prompt, { model, known }));
    }
    const params = completeParams({ row, fields, mapping }, known, faults);
    const references = this.#referencesOf(row, fields, faults);
    const { urls, media } = readReferences({ references, params }, faults);
    const name = fileNameOf(mapping.fileName, row, faults);
    if (faults.length > 0 || prompt === 'refused') return { kind: 'refused', id: givenId, faults };

    const body = bodyText({ model, prompt, params, media });
    const tooLarge = bodyFault(body);
    if (tooLarge !== null) return { kind: 'refused', id: givenId, faults: [tooLarge] };
    const fingerprint = contentFingerprint({ model, prompt, params, references: urls });
    const id = givenId ?? fingerprint.slice(0, HASH_ID_LENGTH);
    const { metadata } = fields;
    const origin = originText({ row, plan, sourceName, references: urls, metadata, name });
    return { kind: 'prepared', prepared: { id, model, fingerprint, origin, body } };
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
  #modelOf(row: Row, fields: OwnFields, faults: RowFault[]): string {
    const own = fields.model?.trim() ?? '';
    const template = this.options.mapping.model;
    const isOwn = own !== '' || template === null;
    const text = isOwn ? own : renderTemplate(template, row, faults);
    if (text === null) return '';
    const model = text.trim();
    addFault(faults, modelFault(model, this.options.models.get(model)));
    return model;
  }

  #referencesOf(row: Row, fields: OwnFields, faults: RowFault[]): readonly string[] {
    const option = this.options.mapping.references;
    return option === null ? fields.references : referencesOf(option, row, faults);
  }

  /** `refused` where a template lacks a value, which is a fault already. */
  #promptOf(row: Row, fields: OwnFields, faults: RowFault[]): string | null | 'refused' {
    const template = this.options.mapping.prompt;
    if (template === null) {
      return fields.prompt === null || isBlank(fields.prompt) ? null : fields.prompt;
    }
    const prompt = renderTemplate(template, row, faults);
    if (prompt === null) return 'refused';
    return isBlank(prompt) ? null : prompt;
  }
}

function addFault(faults: RowFault[], fault: RowFault | null): void {
  if (fault !== null) faults.push(fault);
}
