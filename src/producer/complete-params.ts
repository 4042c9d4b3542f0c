import type { JsonObject } from '../shared/json.js';
import type { Mapping } from './mapping.js';
import type { OwnFields } from './own-fields.js';
import type { RowFault } from './rejection.js';
import type { Row } from './row.js';
import { isBlank, renderTemplate } from './template.js';

/**
 * The params of one row, the most exact source first: `params.<key>`, then `params`, then `--param`.
 * What is text here gets its type when the model is looked at.
 */
export function completeParams(
  { row, fields, mapping }: { row: Row; fields: OwnFields; mapping: Mapping },
  faults: RowFault[],
): JsonObject {
  if (fields.textParams.length === 0 && mapping.params.length === 0) return fields.params;
  const params = { ...fields.params };
  for (const { key, text } of fields.textParams) params[key] = text;
  for (const { key, template } of mapping.params) {
    if (Object.hasOwn(params, key)) continue;
    const text = renderTemplate(template, row, faults);
    if (text === null || isBlank(text)) continue;
    params[key] = text;
  }
  return params;
}

/** Where a person looks for a param that is wrong: its own column, or the one that `--param` takes it from. */
export function paramColumn(
  key: string,
  { fields, mapping }: { fields: OwnFields; mapping: Mapping },
): string | null {
  const own = Object.hasOwn(fields.params, key) || fields.textParams.some((own) => own.key === key);
  const option = mapping.params.find((param) => param.key === key);
  if (own || option === undefined) return `params.${key}`;
  const [column, ...more] = option.template.columns;
  return column === undefined || more.length > 0 ? null : column;
}
