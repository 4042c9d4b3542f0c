import { z } from 'zod';
import { type JsonObject, type JsonValue, parseJson } from '../../shared/json.js';
import { type Mapping, paramKeyOf } from '../mapping/mapping.js';
import type { RowFault } from '../rejection.js';
import { textOf } from '../template/template.js';
import { cellText, isBlank } from './cell-text.js';
import { isJsonObject, type OwnFields, type Row, splitReferences, splitUrls } from './row.js';

const NO_TEXT_PARAMS: OwnFields['textParams'] = [];
const NO_REFERENCES: string[] = [];

/** Reads our columns from a row of cells; an empty cell says nothing. */
export function readTextFields(
  row: Row,
  { roles, mapping }: { roles: ColumnRoles; mapping: Mapping },
  faults: RowFault[],
): OwnFields {
  const { ownColumns } = mapping;
  const references = cell(row, 'references');
  return {
    id: ownColumns.has('id') ? cell(row, 'id') : null,
    model: cell(row, 'model'),
    prompt: ownColumns.has('prompt') ? cell(row, 'prompt') : null,
    params: readParamsCell(cell(row, 'params'), faults),
    textParams: roles.params.length === 0 ? NO_TEXT_PARAMS : readParamCells(row, roles),
    references: references === null ? NO_REFERENCES : splitReferences(references),
    metadata: readMetadata(cell(row, 'metadata')),
  };
}

function cell(row: Row, column: string): string | null {
  const value = row.get(column);
  return typeof value === 'string' ? cellText(value) : null;
}

function readParamCells(row: Row, roles: ColumnRoles): OwnFields['textParams'] {
  return roles.params.flatMap(({ column, key }) => {
    const text = cell(row, column) ?? '';
    return isBlank(text) ? [] : [{ column, key, text }];
  });
}

function readParamsCell(text: string | null, faults: RowFault[]): JsonObject {
  if (text === null || isBlank(text)) return {};
  const value = parseJson(text);
  if (isJsonObject(value)) return value;
  faults.push({
    kind: 'wrong_type',
    column: 'params',
    reason: 'params must be a JSON object such as {"aspect_ratio":"1:1"}',
  });
  return {};
}

function readMetadata(text: string | null): JsonValue {
  if (text === null || isBlank(text)) return null;
  const value = /^\s*[[{]/.test(text) ? parseJson(text) : undefined;
  return value === undefined ? text : value;
}

const EXACT_NUMBER = 'is too large a number to be kept exactly: write it in quotes';

const fieldSchemas = {
  id: z
    .union([z.string(), z.number().refine((id) => textOf(id) !== null, { error: EXACT_NUMBER })], {
      error: 'must be text or a whole number',
    })
    .nullish(),
  model: z.string({ error: 'must be text' }).nullish(),
  prompt: z.string({ error: 'must be text' }).nullish(),
  params: z.custom<JsonObject>(isJsonObject, { error: 'must be an object' }).nullish(),
  references: z
    .union([z.string(), z.array(z.string())], { error: 'must be a list of paths or URLs' })
    .nullish(),
};

const itemSchema = z.object(fieldSchemas);
type Field = keyof typeof fieldSchemas;

const NO_JSON_PARAMS: OwnFields['textParams'] = [];

/** Reads our keys from a JSON item, strictly: null with faults where one has the wrong type. */
export function readJsonFields(
  row: Row,
  { roles, mapping }: { roles: ColumnRoles; mapping: Mapping },
  faults: RowFault[],
): OwnFields | null {
  const own = (field: Field | 'metadata') =>
    mapping.ownColumns.has(field) ? row.get(field) : undefined;
  const parsed = itemSchema.safeParse({
    id: own('id'),
    model: own('model'),
    prompt: own('prompt'),
    params: own('params'),
    references: own('references'),
  });
  if (!parsed.success) {
    faults.push(...parsed.error.issues.map(faultOf));
    return null;
  }
  const { id, model, prompt, params, references } = parsed.data;
  return {
    id: textOf(id ?? undefined),
    model: model ?? null,
    prompt: prompt ?? null,
    params: withParamKeys(params ?? {}, row, roles),
    textParams: NO_JSON_PARAMS,
    references:
      typeof references === 'string'
        ? splitReferences(references)
        : (references ?? []).flatMap(splitUrls),
    metadata: own('metadata') ?? null,
  };
}

function faultOf({ path, message }: { path: PropertyKey[]; message: string }): RowFault {
  const column = String(path[0] ?? '');
  return { kind: 'wrong_type', column, reason: `${column} ${message}` };
}

/** `params.<key>` says more exactly what is meant than `params`, so it wins. */
function withParamKeys(params: JsonObject, row: Row, roles: ColumnRoles): JsonObject {
  if (roles.params.length === 0) return params;
  const merged = { ...params };
  for (const { column, key } of roles.params) {
    const value: JsonValue = row.get(column) ?? null;
    if (value !== null && value !== '') merged[key] = value;
  }
  return merged;
}

/** What each column of a row is for. */
export interface ColumnRoles {
  columns: readonly string[];
  params: readonly { column: string; key: string }[];
  /** The user's own columns, with the JSON text that stands before the value. */
  input: readonly { column: string; prefix: string }[];
}

/**
 * Keeps those of the last row: all rows of a CSV, and most neighbours in JSON, have the same columns.
 */
export class RolesOfColumns {
  #roles: ColumnRoles = { columns: [], params: [], input: [] };

  constructor(private readonly mapping: Mapping) {}

  of(columns: readonly string[]): ColumnRoles {
    if (!isSameList(this.#roles.columns, columns)) this.#roles = this.#readRoles(columns);
    return this.#roles;
  }

  #readRoles(columns: readonly string[]): ColumnRoles {
    const params: { column: string; key: string }[] = [];
    const input: { column: string; prefix: string }[] = [];
    for (const column of columns) {
      const key = paramKeyOf(column);
      if (key !== null) params.push({ column, key });
      else if (!this.mapping.ownColumns.has(column)) {
        input.push({ column, prefix: `${input.length > 0 ? ',' : ''}${JSON.stringify(column)}:` });
      }
    }
    return { columns, params, input };
  }
}

export function isSameList(left: readonly string[], right: readonly string[]): boolean {
  if (left === right) return true;
  return left.length === right.length && left.every((name, position) => name === right[position]);
}
