import type { DraftPart, FileHole } from '../../shared/draft.js';
import type { JsonValue } from '../../shared/json.js';
import type { RowFault } from '../rejection.js';
import type { Condition } from '../rows/condition.js';
import { type Row, splitReferences, splitUrls } from '../rows/row.js';
import { renderParts, type Template } from '../template/template.js';

/** The options that map columns to briefs, parsed once for the whole input. */
export interface Mapping {
  id: Template | null;
  model: Template | null;
  prompt: Template | null;
  params: readonly ParamTemplate[];
  /** Null: a column named `references`. */
  references: ReferencesOption | null;
  /** Null: a file is named after its brief's id. */
  fileName: Template | null;
  /** The briefs that each row makes; at least one. What comes after another stands behind it. */
  outputs: readonly Output[];
  where: readonly Condition[];
  /** Every column that an option needs, with the option's name for a fault's sentence. */
  needed: readonly NeededColumn[];
  /** The columns that are ours in this run, `params.<key>` aside. */
  ownColumns: ReadonlySet<string>;
}

export interface ParamTemplate {
  key: string;
  template: Template;
}

export interface Output {
  /** Null where a row makes one brief only, whose id is that of the row. */
  name: string | null;
  /** Null: as the row or the options say; so is a prompt. */
  model: Template | null;
  prompt: Template | null;
  /** They win over the row's own. */
  params: readonly ParamTemplate[];
  references: ReferencesOption | null;
  /** How many variants it has on each axis: `[3]` is `/1` to `/3`, `[2, 3]` is `/1/1` to `/2/3`. */
  axes: readonly number[];
  when: readonly Condition[];
  /** Outputs of the same row that stand before it, and are made first. */
  after: readonly string[];
  approve: boolean;
}

export interface NeededColumn {
  column: string;
  option: string;
  /** `in_tables`: a key that no JSON item has is as good as an empty one. */
  need: 'always' | 'in_tables';
}

/** The key of a `params.<key>` column; null for every other column. */
export function paramKeyOf(column: string): string | null {
  if (!column.startsWith('params.')) return null;
  const key = column.slice('params.'.length).trim();
  return isParamKey(key) ? key : null;
}

/** Assigning `__proto__` to an object would lose the value without a word. */
export function isParamKey(key: string): boolean {
  return key !== '' && key !== '__proto__';
}

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
export function referencesOf(
  option: ReferencesOption,
  row: Row,
  faults: RowFault[],
): GivenReference[] {
  if (option.kind === 'template') {
    const parts = renderParts(option.template, row, faults);
    return parts === null ? [] : splitParts(parts);
  }
  return option.columns.flatMap((column) => {
    const given = givenReferences(row.find(column) ?? null);
    if (given !== null) return given;
    const reason = `"${column}" must hold URLs: text, or a list of texts`;
    faults.push({ kind: 'wrong_type', column, reason });
    return [];
  });
}

/** A path or a URL, or the place of another output's file. */
export type GivenReference = string | FileHole;

/** Stands for a hole while a list is split: no path and no URL holds it, and a text of the row that does is none. */
const marker = '\uffff';
const marked = /^\uffff(\d+)$/;

function splitParts(parts: readonly DraftPart[]): GivenReference[] {
  const holes: FileHole[] = [];
  const text = parts.map((part) => {
    if (typeof part === 'string') return part.replaceAll(marker, '\0');
    return 'file' in part ? `${marker}${holes.push(part) - 1}` : '';
  });
  return splitReferences(text.join('')).map((reference) => {
    const hole = holes[Number(marked.exec(reference)?.[1])];
    return (
      hole ??
      reference.replaceAll(/\uffff(\d+)/g, (_marked, at: string) => shownFile(holes[Number(at)]))
    );
  });
}

/** As it is named in a template. */
export function shownFile(hole: FileHole | undefined): string {
  return `{{ outputs.${hole?.output}.file }}`;
}

/** Null where the value cannot be references. */
function givenReferences(value: JsonValue): string[] | null {
  if (value === null) return [];
  if (typeof value === 'string') return splitReferences(value);
  if (!Array.isArray(value)) return null;
  const texts = value.filter((item) => typeof item === 'string');
  return texts.length === value.length ? texts.flatMap(splitUrls) : null;
}
