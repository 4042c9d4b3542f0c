import type { JsonObject } from '../shared/json.js';
import { isBlank } from './cell-text.js';
import type { Mapping, Output, ParamTemplate } from './mapping.js';
import type { OwnFields } from './own-fields.js';
import type { RowFault } from './rejection.js';
import type { Row } from './row.js';
import { renderTemplate } from './template.js';

export interface ParamSources {
  fields: OwnFields;
  mapping: Mapping;
  output: Output;
}

/**
 * The params of one brief, the most exact source first: its output's own, `params.<key>`, `params`, then `--param`.
 * What is text here gets its type when the model is looked at.
 */
export function completeParams(
  row: Row,
  { fields, mapping, output }: ParamSources,
  faults: RowFault[],
): JsonObject {
  const options = output.params.length + mapping.params.length;
  if (fields.textParams.length === 0 && options === 0) return fields.params;
  // Without a prototype, a key such as `__proto__` is one like any other.
  const params: JsonObject = Object.create(null);
  const fill = ({ key, template }: ParamTemplate) => {
    if (Object.hasOwn(params, key)) return;
    const text = renderTemplate(template, row, faults);
    if (text !== null && !isBlank(text)) params[key] = text;
  };
  output.params.forEach(fill);
  for (const { key, text } of fields.textParams) {
    if (!Object.hasOwn(params, key)) params[key] = text;
  }
  for (const [key, value] of Object.entries(fields.params)) {
    if (!Object.hasOwn(params, key)) params[key] = value;
  }
  mapping.params.forEach(fill);
  return params;
}

/** Where a person looks for a param that is wrong: its own column, or the one that an option takes it from. */
export function paramColumn(key: string, { fields, mapping, output }: ParamSources): string | null {
  const isOwn =
    Object.hasOwn(fields.params, key) || fields.textParams.some((own) => own.key === key);
  const ofKey = (param: ParamTemplate) => param.key === key;
  const option = output.params.find(ofKey) ?? (isOwn ? undefined : mapping.params.find(ofKey));
  if (option === undefined) return `params.${key}`;
  const [column, ...more] = option.template.columns;
  return column === undefined || more.length > 0 ? null : column;
}
