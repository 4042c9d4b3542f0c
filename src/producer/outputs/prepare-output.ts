import { contentFingerprint, requestBody } from '../../shared/brief.js';
import { type Draft, type DraftText, draftFingerprint, draftText } from '../../shared/draft.js';
import type { JsonValue } from '../../shared/json.js';
import type { ReferenceFile } from '../../shared/reference-items.js';
import { type Mapping, type Output, referencesColumn, referencesOf } from '../mapping/mapping.js';
import type { InputChecks } from '../options.js';
import type { ReferenceFiles, WantedReference } from '../references/files.js';
import {
  type ReferenceSituation,
  type RowReferences,
  readReferences,
} from '../references/read-references.js';
import { addFault, type RowFault } from '../rejection.js';
import { isBlank, trimCell } from '../rows/cell-text.js';
import type { ColumnRoles } from '../rows/read-fields.js';
import type { OwnFields, Row } from '../rows/row.js';
import { UsedCells } from '../rows/used-cells.js';
import type { Source } from '../sources/source.js';
import { type Makes, makesFault } from '../steps/output-names.js';
import { renderTemplate, renderText, type Template } from '../template/template.js';
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
import type { KnownModels } from './known-models.js';
import {
  completeParams,
  type GivenParams,
  type ParamSources,
  paramColumn,
  settleParams,
} from './params.js';

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
  /** Null where the row makes this alone, so that the id before the variant tells the row. */
  output: string | null;
  /** How many variants it has on each axis. */
  axes: readonly number[];
  /** What it comes after. */
  before: readonly Before[];
  /** Of its files, the number still open; null: the id. */
  name: string | null;
  model: string;
  fingerprint: string;
  /** Without what it comes after, which is different in each of its variants. */
  origin: string;
  body: string;
  /** That have to be uploaded for it. */
  files: readonly ReferenceFile[];
  /** How many files of other outputs will have to be. */
  fileHoles: number;
}

/** One output that another of the same row comes after. */
export interface Before {
  output: string;
  prepared: PreparedOutput;
  approve: boolean;
}

/** Outputs of one row that are prepared already, by name; one with a fault is missing. */
export type PreparedBefore = ReadonlyMap<string, Before>;

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
    { output, made }: { output: Output; made: PreparedBefore },
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
    const { params: given, texts } = completeParams(row, sources, faults);
    const params = { params: settleParams(given, known), texts };
    this.#checkParams(params, { model, sources }, faults);
    const name = fileNameOf(mapping.fileName, row, faults);
    const makes = (other: string) =>
      models.get(made.get(other)?.prepared.model ?? '')?.makes ?? null;
    for (const reason of textFaults(prompt, texts, makes)) {
      addFault(faults, { kind: 'wrong_type', column: null, reason });
    }
    const read = this.#readReferences(
      parts,
      { output, params: params.params, model, makes },
      faults,
    );
    wanted.push(...read.wanted);
    if (wanted.length > 0) return null;
    if (faults.length > 0 || prompt === 'refused') return null;
    const before = output.after.flatMap((other) => made.get(other) ?? []);
    const endpoint = known?.endpoint ?? 'generations';
    const content = { endpoint, model, prompt, ...params, media: read.media };
    const { body, fingerprint } =
      before.length === 0 ? fixedContent(content) : draftContent(content, before);
    addFault(faults, bodyFault(body));
    if (faults.length > 0) return null;
    this.#warn(parts, { output, model, params });
    const id = outputId(output, { givenId, fingerprint }, faults);
    if (faults.length > 0) return null;
    const { metadata } = fields;
    return {
      id,
      output: output.name,
      axes: output.axes,
      before,
      name,
      model,
      fingerprint,
      origin: originText({
        row,
        roles,
        sourceName: source.name,
        references: read.given,
        metadata,
        name,
        output: output.name,
      }),
      body,
      files: read.files,
      fileHoles: read.media.filter((one) => 'file' in one).length,
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
      const reason = unknownModelReason(model, this.options.models.keys());
      this.#unknown = { model, reason };
    }
    return this.#unknown.reason;
  }

  #checkParams(
    params: GivenParams,
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
    {
      output,
      ...content
    }: Pick<ReferenceSituation, 'params' | 'model' | 'makes'> & {
      output: Output;
    },
    faults: RowFault[],
  ): RowReferences {
    const { mapping, models, files } = this.options;
    const option = output.references ?? mapping.references;
    const references = option === null ? fields.references : referencesOf(option, row, faults);
    const column = referencesColumn(option);
    const { references: rules } = models.get(content.model) ?? {};
    const situation = { ...content, references, column, rules, files };
    return readReferences({ ...situation, folder: source.folder }, faults);
  }

  /** Of a brief that is made: what may be a slip in its cells, and what its model's entry in the list does not have. */
  #warn(
    { row, source }: RowParts,
    { output, model, params }: { output: Output; model: string; params: GivenParams },
  ): void {
    const { models, warnings } = this.options;
    const position = { source: source.name, row: row.number };
    const known = models.get(model);
    const given = { ...params.params, ...params.texts };
    this.#cells.get(output)?.warn(row, { position, known, params: given }, warnings);
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

/** Where the text of an output is used that makes none. */
function textFaults(
  prompt: Prompt,
  texts: GivenParams['texts'],
  makes: (output: string) => Makes,
): string[] {
  const all = [...(Array.isArray(prompt) ? [prompt] : []), ...Object.values(texts)];
  const used = new Set(
    all.flat().flatMap((part) => (typeof part === 'string' ? [] : [part.output])),
  );
  return [...used].flatMap((output) => makesFault('text', output, makes) ?? []);
}

/** `refused` where a template lacks a value, which is a fault already. */
type Prompt = string | DraftText | null | 'refused';

function promptOf(
  { row, fields }: RowParts,
  template: Template | null,
  faults: RowFault[],
): Prompt {
  if (template === null) {
    return fields.prompt === null || isBlank(fields.prompt) ? null : fields.prompt;
  }
  const prompt = renderText(template, row, faults);
  if (prompt === null) return 'refused';
  return typeof prompt === 'string' && isBlank(prompt) ? null : prompt;
}

/** What is sent, or will be. */
interface Content extends GivenParams, Pick<Draft, 'endpoint' | 'model'> {
  prompt: string | DraftText | null;
  media: RowReferences['media'];
}

/** Of one that comes after no other, where nothing is open. */
function fixedContent({
  endpoint,
  model,
  prompt,
  params,
  media,
}: Content): Pick<PreparedOutput, 'body' | 'fingerprint'> {
  const sent = { model, prompt: prompt as string | null, params };
  const items = media.filter((one) => 'url' in one);
  return {
    body: requestBody({ endpoint, ...sent, media: items, clientRequestId: null }),
    fingerprint: contentFingerprint({ ...sent, references: items.map(({ url }) => url) }),
  };
}

/** What is asked of it changes with what it comes after: so "only what has changed" looks through steps. */
function draftContent(
  { endpoint, model, prompt, params, texts, media }: Content,
  before: readonly Before[],
): Pick<PreparedOutput, 'body' | 'fingerprint'> {
  const draft = {
    endpoint,
    model,
    prompt: typeof prompt === 'string' ? [prompt] : prompt,
    ...{ params, texts },
    references: media,
  };
  return {
    body: draftText(draft),
    fingerprint: draftFingerprint(
      draft,
      before.map(({ prepared }) => prepared.fingerprint),
    ),
  };
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
  output,
}: {
  row: Row;
  roles: ColumnRoles;
  sourceName: string;
  references: readonly string[];
  metadata: JsonValue;
  name: string | null;
  output: string | null;
}): string {
  let input = '';
  for (const { column, prefix } of roles.input) {
    input += prefix + JSON.stringify(row.get(column) ?? null);
  }
  const referencesText = references.length === 0 ? '[]' : JSON.stringify(references);
  const metadataText = metadata === null ? 'null' : JSON.stringify(metadata);
  const outputMember = output === null ? '' : `"output":${JSON.stringify(output)},`;
  return `{${nameMember(name)}${outputMember}"row":${row.number},"source":${JSON.stringify(sourceName)},"references":${referencesText},"metadata":${metadataText},"input":{${input}}}`;
}

/** Length of the fingerprint's head that stands in for an id: 64 bits; a collision is a rejected row. */
const HASH_ID_LENGTH = 16;

/** The id of one of a row's outputs, without a variant's number; faults are noted. */
function outputId(
  output: Output,
  { givenId, fingerprint }: { givenId: string | null; fingerprint: string },
  faults: RowFault[],
): string {
  const base = givenId ?? fingerprint.slice(0, HASH_ID_LENGTH);
  // The row's own was checked with the longest of its outputs' names.
  const suffixLength = longestSuffix(output);
  if (givenId === null) addFault(faults, idFault(base, { column: 'id', suffixLength }));
  return output.name === null ? base : `${base}/${output.name}`;
}

/** How much longer than the row's the longest id of an output is. */
export function longestSuffix({ name, axes }: Output): number {
  const parts = [...(name === null ? [] : [name]), ...axes.map(String)];
  return parts.reduce((length, part) => length + part.length + 1, 0);
}
