import type { JsonValue } from '../shared/json.js';
import { splitReferences, splitUrls } from './own-fields.js';
import type { RowFault } from './rejection.js';
import type { Row } from './row.js';
import { renderTemplate, type Template } from './template.js';

/** Where a row's references come from, in place of a column of that name. */
export type ReferencesOption =
  /** An empty one gives none. */
  { kind: 'columns'; columns: readonly string[] } | { kind: 'template'; template: Template };

/** The columns of a `--references` that is no template: `Image Src`, or several separated by `|`. */
export function referenceColumns(text: string): string[] {
  return splitReferences(text);
}

/** The column in which a person looks for them. */
export function referencesColumn(option: ReferencesOption | null): string {
  const columns = option?.kind === 'template' ? option.template.columns : option?.columns;
  return columns?.[0] ?? 'references';
}

/** What the option makes of one row; faults are noted. */
export function referencesOf(option: ReferencesOption, row: Row, faults: RowFault[]): string[] {
  if (option.kind === 'template') {
    const text = renderTemplate(option.template, row, faults);
    return text === null ? [] : splitReferences(text);
  }
  return option.columns.flatMap((column) => {
    const given = givenReferences(row.find(column) ?? null);
    if (given !== null) return given;
    const reason = `"${column}" must hold URLs: text, or a list of texts`;
    faults.push({ kind: 'wrong_type', column, reason });
    return [];
  });
}

/** Null where the value cannot be references. */
function givenReferences(value: JsonValue): string[] | null {
  if (value === null) return [];
  if (typeof value === 'string') return splitReferences(value);
  if (!Array.isArray(value)) return null;
  const texts = value.filter((item) => typeof item === 'string');
  return texts.length === value.length ? texts.flatMap(splitUrls) : null;
}
