import type { JsonObject, JsonValue } from '../shared/json.js';
import type { KnownModel } from './known-models.js';
import type { Mapping } from './mapping.js';
import type { OwnFields } from './own-fields.js';
import type { RowFault } from './rejection.js';
import type { Row } from './row.js';
import { isBlank, renderTemplate } from './template.js';

/** Decimal notation only: `0x10` or `1,5` in a spreadsheet is a slip, not a number. */
const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

/**
 * The params of one row, the most exact source first: `params.<key>`, then `params`, then `--param`.
 * Text is typed with the catalogue: numbers where the model wants a number, text for all else,
 * because this API takes booleans and numeric choices as text.
 */
export function completeParams(
  { row, fields, mapping }: { row: Row; fields: OwnFields; mapping: Mapping },
  model: KnownModel | undefined,
  faults: RowFault[],
): JsonObject {
  if (fields.textParams.length === 0 && mapping.params.length === 0) return fields.params;
  const params = { ...fields.params };
  for (const { column, key, text } of fields.textParams) {
    params[key] = typeParam({ column, key, text }, model, faults);
  }
  for (const { key, template } of mapping.params) {
    if (Object.hasOwn(params, key)) continue;
    const text = renderTemplate(template, row, faults);
    if (text === null || isBlank(text)) continue;
    const column = template.columns.length === 1 ? (template.columns[0] ?? null) : null;
    params[key] = typeParam({ column, key, text }, model, faults);
  }
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
