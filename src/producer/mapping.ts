import type { Condition } from './condition.js';
import type { ReferencesOption } from './references-option.js';
import type { Template } from './template.js';

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
  /** The briefs that each row makes; at least one. */
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
  variants: number;
  when: readonly Condition[];
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
