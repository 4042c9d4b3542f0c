import { type JsonObject, type JsonValue, parseJson } from '../shared/json.js';
import { cellText, isBlank } from './cell-text.js';
import type { ColumnPlan } from './column-plan.js';
import type { Mapping } from './mapping.js';
import { isJsonObject, type OwnFields, splitReferences } from './own-fields.js';
import type { RowFault } from './rejection.js';
import type { Row } from './row.js';

const NO_TEXT_PARAMS: OwnFields['textParams'] = [];
const NO_REFERENCES: string[] = [];

/** Reads our columns from a row of cells; an empty cell says nothing. */
export function readTextFields(
  row: Row,
  { plan, mapping }: { plan: ColumnPlan; mapping: Mapping },
  faults: RowFault[],
): OwnFields {
  const { ownColumns } = mapping;
  const references = cell(row, 'references');
  return {
    id: ownColumns.has('id') ? cell(row, 'id') : null,
    model: cell(row, 'model'),
    prompt: ownColumns.has('prompt') ? cell(row, 'prompt') : null,
    params: readParamsCell(cell(row, 'params'), faults),
    textParams: plan.params.length === 0 ? NO_TEXT_PARAMS : readParamCells(row, plan),
    references: references === null ? NO_REFERENCES : splitReferences(references),
    metadata: readMetadata(cell(row, 'metadata')),
  };
}

function cell(row: Row, column: string): string | null {
  const value = row.get(column);
  return typeof value === 'string' ? cellText(value) : null;
}

function readParamCells(row: Row, plan: ColumnPlan): OwnFields['textParams'] {
  return plan.params.flatMap(({ column, key }) => {
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
