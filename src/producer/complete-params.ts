import type { JsonObject, JsonValue } from '../shared/json.js';
import type { KnownModel } from './known-models.js';
import type { Mapping, Output, ParamTemplate } from './mapping.js';
import type { OwnFields } from './own-fields.js';
import type { RowFault } from './rejection.js';
import type { Row } from './row.js';
import { isBlank, renderTemplate } from './template.js';

/** Decimal notation only: `0x10` or `1,5` in a spreadsheet is a slip, not a number. */
const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

/**
 * The params of one brief, the most exact source first: its output's own, `params.<key>`, `params`, then `--param`.
 * Text is typed with the catalogue: numbers where the model wants a number, text for all else,
 * because this API takes booleans and numeric choices as text.
 */
export function completeParams(
  {
    row,
    fields,
    mapping,
    output,
  }: { row: Row; fields: OwnFields; mapping: Mapping; output: Output },
  model: KnownModel | undefined,
  faults: RowFault[],
): JsonObject {
  const options = output.params.length + mapping.params.length;
  if (fields.textParams.length === 0 && options === 0) return fields.params;
  const params: JsonObject = {};
  const fill = ({ key, template }: ParamTemplate) => {
    if (Object.hasOwn(params, key)) return;
    const text = renderTemplate(template, row, faults);
    if (text === null || isBlank(text)) return;
    const column = template.columns.length === 1 ? (template.columns[0] ?? null) : null;
    params[key] = typeParam({ column, key, text }, model, faults);
  };
  output.params.forEach(fill);
  for (const { column, key, text } of fields.textParams) {
    if (!Object.hasOwn(params, key)) params[key] = typeParam({ column, key, text }, model, faults);
  }
  for (const [key, value] of Object.entries(fields.params)) {
    if (!Object.hasOwn(params, key)) params[key] = value;
  }
  mapping.params.forEach(fill);
  return params;
}

function typeParam(
  { column, key, text }: { column: string | null; key: string; text: string },
  model: KnownModel | undefined,
  faults: RowFault[],
): JsonValue {
  if (model === undefined || !model.numberParams.has(key)) return text;
  const trimmed = text.trim();
  const number = DECIMAL.test(trimmed) ? Number(trimmed) : Number.NaN;
  if (Number.isFinite(number)) return number;
  faults.push({
    kind: 'not_a_number',
    column,
    reason: `param ${key} must be a number, and "${shorten(trimmed)}" is none`,
  });
  return text;
}

function shorten(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}...` : text;
}
