import { contentFingerprint, requestBody } from '../../shared/brief.js';
import type { JsonObject, JsonValue } from '../../shared/json.js';
import type { ReferenceFile } from '../../shared/reference-items.js';
import { type Mapping, type Output, referencesColumn, referencesOf } from '../mapping/mapping.js';
import type { InputChecks } from '../options.js';
import type { ReferenceFiles, WantedReference } from '../references/files.js';
import { type RowReferences, readReferences } from '../references/read-references.js';
import { addFault, type RowFault } from '../rejection.js';
import { isBlank, trimCell } from '../rows/cell-text.js';
import type { ColumnRoles } from '../rows/read-fields.js';
import type { OwnFields, Row } from '../rows/row.js';
import { UsedCells } from '../rows/used-cells.js';
import type { Source } from '../sources/source.js';
import { renderTemplate, type Template } from '../template/template.js';
import type { InputWarnings } from '../warnings.js';
import {
  bodyFault,
  checkParams,
  idFault,
  modelFault,
  promptFault,
  unknownModelReason,
  unknownParamFault,
  unknownParams,
} from './checks.js';
import { fileNameOf, nameMember } from './file-name.js';
import type { KnownModel, KnownModels } from './known-models.js';
import { completeParams, type ParamSources, paramColumn, settleParams } from './params.js';

export interface PreparerOptions {
  mapping: Mapping;
  models: KnownModels;
  checks: InputChecks;
  warnings: InputWarnings;
  files: ReferenceFiles;
}

/** What all outputs of one row share. */
export interface RowParts {
  row: Row;
  fields: OwnFields;
  /** Null where the row has no id of its own. */
  givenId: string | null;
  roles: ColumnRoles;
  source: Pick<Source, 'name' | 'folder'>;
}

/** One output of a good row as the texts that will be spooled; `id` is without a variant's number. */
export interface PreparedOutput {
  id: string;
  /** Whether the row makes this alone, so that the id before the variant tells the row. */
  of: 'only_output' | 'several_outputs';
  variants: number;
  /** Of its files, the number still open; null: the id. */
  name: string | null;
  model: string;
  fingerprint: string;
  origin: string;
  body: string;
  /** That have to be uploaded for it. */
  files: readonly ReferenceFile[];
}

/** Makes one of a row's briefs, or notes everything that is wrong with it. */
export class OutputPreparer {
  #unknown = { model: '', reason: '' };
  readonly #cells: ReadonlyMap<Output, UsedCells>;

  constructor(private readonly options: PreparerOptions) {
    const { mapping } = options;
    this.#cells = new Map(
      mapping.outputs.map((output) => [output, new UsedCells(mapping, output)]),
    );
  }

  /** Adds to the faults and wanted references of the row, over all of its outputs. */
  prepare(
    parts: RowParts,
    output: Output,
    faults: RowFault[],
    wanted: WantedReference[],
  ): PreparedOutput | null {
    const { row, fields, givenId, roles, source } = parts;
    const { mapping, models } = this.options;
    const errors = this.#cells.get(output)?.faults(row, roles) ?? [];
    faults.push(...errors);
    // What follows from an error is no fault of its own.
    if (errors.length > 0) return null;
    const model = this.#modelOf(parts, output, faults);
    const known = models.get(model);
    const prompt = promptOf(parts, output.prompt ?? mapping.prompt, faults);
    if (prompt !== 'refused') addFault(faults, promptFault(prompt, { model, known }));
    const sources = { fields, mapping, output };
    const params = settleParams(completeParams(row, sources, faults), known);
    this.#checkParams(params, { model, sources }, faults);
    const name = fileNameOf(mapping.fileName, row, faults);
    const read = this.#readReferences(parts, { params, model, known }, faults);
    wanted.push(...read.wanted);
    if (wanted.length > 0) return null;
    const { given, media } = read;
    if (faults.length > 0 || prompt === 'refused') return null;

    const clientRequestId = null;
    const body = requestBody({
      endpoint: known?.endpoint ?? 'generations',
      model,
      prompt,
      params,
      media,
      clientRequestId,
    });
    addFault(faults, bodyFault(body));
    if (faults.length > 0) return null;
    this.#warn(parts, { output, model, params });
    const fingerprint = contentFingerprint({ model, prompt, params, references: urlsOf(media) });
    const id = outputId(output, { givenId, fingerprint }, faults);
    if (faults.length > 0) return null;
    const { metadata } = fields;
    return {
      id,
      of: output.name === null ? 'only_output' : 'several_outputs',
      variants: output.variants,
      name,
      model,
      fingerprint,
      origin: originText({
        row,
        roles,
        sourceName: source.name,
        references: given,
        metadata,
        name,
      }),
      body,
      files: read.files,
    };
  }

  /** Empty where there is none; the fault is then noted. */
  #modelOf({ row, fields }: RowParts, output: Output, faults: RowFault[]): string {
    const { mapping, models, checks } = this.options;
    const own = output.model === null ? trimCell(fields.model ?? '') : '';
    const template = output.model ?? mapping.model;
    const isOwn = own !== '' || template === null;
    const text = isOwn ? own : renderTemplate(template, row, faults);
    if (text === null) return '';
    const model = trimCell(text);
    const known = models.get(model);
    addFault(faults, modelFault(model, known));
    if (known === undefined && model !== '' && checks.unknownModels === 'refuse') {
      faults.push({ kind: 'unknown_model', column: 'model', reason: this.#unknownReason(model) });
    }
    return model;
  }

  /** Rows of one model mostly stand together, and to find the nearest name takes as long as all other checks. */
  #unknownReason(model: string): string {
    if (this.#unknown.model !== model) {
      const reason = unknownModelReason(model, [...this.options.models.keys()]);
      this.#unknown = { model, reason };
    }
    return this.#unknown.reason;
  }

  #checkParams(
    params: JsonObject,
    { model, sources }: { model: string; sources: ParamSources },
    faults: RowFault[],
  ): void {
    const known = this.options.models.get(model);
    if (known === undefined) return;
    const found = checkParams(params, { model, known });
    if (this.options.checks.unknownParams === 'refuse') {
      const unknown = unknownParams(params, known);
      found.push(...unknown.map((key) => unknownParamFault(key, { model, known })));
    }
    for (const { kind, key, reason } of found) {
      faults.push({ kind, column: paramColumn(key, sources), reason });
    }
  }

  #readReferences(
    { row, fields, source }: RowParts,
    { params, model, known }: { params: JsonObject; model: string; known: KnownModel | undefined },
    faults: RowFault[],
  ): RowReferences {
    const { mapping, files } = this.options;
    const option = mapping.references;
    const references = option === null ? fields.references : referencesOf(option, row, faults);
    const column = referencesColumn(option);
    const situation = { references, column, params, model, rules: known?.references, files };
    return readReferences({ ...situation, folder: source.folder }, faults);
  }

  /** Of a brief that is made: what may be a slip in its cells, and what its model's entry in the list does not have. */
  #warn(
    { row, source }: RowParts,
    { output, model, params }: { output: Output; model: string; params: JsonObject },
  ): void {
    const { models, warnings } = this.options;
    const position = { source: source.name, row: row.number };
    const known = models.get(model);
    this.#cells.get(output)?.warn(row, { position, known, params }, warnings);
    if (known === undefined) {
      const about = { rule: 'unknown_model', model } as const;
      warnings.note(about, position, () => this.#unknownReason(model));
      return;
    }
    for (const param of unknownParams(params, known)) {
      const about = { rule: 'unknown_param', model, param } as const;
      warnings.note(about, position, () => unknownParamFault(param, { model, known }).reason);
    }
  }
}

function urlsOf(media: readonly { url: string }[]): string[] {
  return media.map(({ url }) => url);
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

/**
 * JSON text of a `BriefOrigin`, joined by hand: an object would put a column such as `2024` first,
 * lose one called `__proto__`, and cost more.
 */
function originText({
  row,
  roles,
  sourceName,
  references,
  metadata,
  name,
}: {
  row: Row;
  roles: ColumnRoles;
  sourceName: string;
  references: readonly string[];
  metadata: JsonValue;
  name: string | null;
}): string {
  let input = '';
  for (const { column, prefix } of roles.input) {
    input += prefix + JSON.stringify(row.get(column) ?? null);
  }
  const referencesText = references.length === 0 ? '[]' : JSON.stringify(references);
  const metadataText = metadata === null ? 'null' : JSON.stringify(metadata);
  return `{${nameMember(name)}"row":${row.number},"source":${JSON.stringify(sourceName)},"references":${referencesText},"metadata":${metadataText},"input":{${input}}}`;
}

/** Length of the fingerprint's head that stands in for an id: 64 bits; a collision is a rejected row. */
const HASH_ID_LENGTH = 16;

/** The id of one of a row's outputs, without a variant's number; faults are noted. */
function outputId(
  { name, variants }: Output,
  { givenId, fingerprint }: { givenId: string | null; fingerprint: string },
  faults: RowFault[],
): string {
  const base = givenId ?? fingerprint.slice(0, HASH_ID_LENGTH);
  const id = name === null ? base : `${base}/${name}`;
  const suffixLength = variants > 1 ? `/${variants}`.length : 0;
  // The row's own was checked with the longest of its outputs' names.
  if (givenId === null) addFault(faults, idFault(id, { column: 'id', suffixLength }));
  return id;
}
