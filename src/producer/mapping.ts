import { BatchError } from '../shared/errors.js';
import { columnsOfName } from './file-name.js';
import type { InputOptions } from './input-options.js';
import { type ReferencesOption, referenceColumns } from './references-option.js';
import { columnTemplate, type HtmlRule, parseTemplate, type Template } from './template.js';

/** The options that map columns to briefs, parsed once for the whole input. */
export interface Mapping {
  id: Template | null;
  model: Template | null;
  prompt: Template | null;
  params: readonly { key: string; template: Template }[];
  /** Null: a column named `references`. */
  references: ReferencesOption | null;
  /** Null: a file is named after its brief's id. */
  fileName: Template | null;
  /** Every column that an option needs, with the option's name for a fault's sentence. */
  needed: readonly NeededColumn[];
  /** The columns that are ours in this run, `params.<key>` aside. */
  ownColumns: ReadonlySet<string>;
}

interface NeededColumn {
  column: string;
  option: string;
  /** `in_tables`: a key that no JSON item has is as good as an empty one. */
  need: 'always' | 'in_tables';
}

/** Refuses a template that cannot be read and a param given twice; all such faults in one error. */
export function parseMapping(options: InputOptions): Mapping {
  const faults: string[] = [];
  const needed: NeededColumn[] = [];
  const parse = (text: string | null, option: string, html: HtmlRule = 'keep') => {
    if (text === null) return null;
    try {
      const isColumn = option === '--id' && !isTemplate(text);
      const parsed = isColumn ? columnTemplate(text.trim()) : parseTemplate(text, option, html);
      const template = option === '--name' ? columnsOfName(parsed) : parsed;
      needed.push(...neededBy(template, option));
      return template;
    } catch (error) {
      if (!(error instanceof BatchError)) throw error;
      faults.push(error.message);
      return null;
    }
  };
  const id = parse(options.id, '--id');
  const model = parse(options.model, '--model');
  const prompt = parse(options.prompt, options.promptFile ?? '--prompt', options.html ?? 'to_text');
  const params = options.params.flatMap(({ key, template: text }) => {
    const template = parse(text, `--param ${key}`);
    return template === null ? [] : [{ key, template }];
  });
  const fileName = parse(options.fileName ?? null, '--name');
  const references = parseReferences(options.references ?? null, { parse, needed });
  faults.push(...paramFaults(options.params.map(({ key }) => key)));
  if (faults.length > 0) throw new BatchError('bad_input', faults.join('\n'));
  return {
    id,
    model,
    prompt,
    params,
    references,
    fileName,
    needed,
    ownColumns: ownColumns(options),
  };
}

function parseReferences(
  text: string | null,
  {
    parse,
    needed,
  }: { parse: (text: string, option: string) => Template | null; needed: NeededColumn[] },
): ReferencesOption | null {
  if (text === null) return null;
  if (isTemplate(text)) {
    const template = parse(text, '--references');
    return template && { kind: 'template', template };
  }
  const columns = referenceColumns(text);
  for (const column of columns) needed.push({ column, option: '--references', need: 'always' });
  return { kind: 'columns', columns };
}

/** A name is a column, whatever it is made of, unless it holds a hole or a tag. */
function isTemplate(text: string): boolean {
  return /\{[{%]/.test(text);
}

function neededBy({ columns, required }: Template, option: string): NeededColumn[] {
  return columns.map((column) => {
    const need = required.includes(column) ? 'always' : 'in_tables';
    return { column, option, need };
  });
}

/** The key of a `params.<key>` column; null for every other column. */
export function paramKeyOf(column: string): string | null {
  if (!column.startsWith('params.')) return null;
  const key = column.slice('params.'.length).trim();
  return isParamKey(key) ? key : null;
}

/** Assigning `__proto__` to an object would lose the value without a word. */
function isParamKey(key: string): boolean {
  return key !== '' && key !== '__proto__';
}

function paramFaults(keys: string[]): string[] {
  const unusable = keys.filter((key) => !isParamKey(key));
  const repeated = keys.filter((key, position) => keys.indexOf(key) !== position);
  return [
    ...unusable.map((key) => `--param: "${key}" cannot be the name of a param.`),
    ...[...new Set(repeated)].map((key) => `--param ${key} is given more than once.`),
  ];
}

function ownColumns(options: InputOptions): Set<string> {
  const own = new Set(['model', 'params', 'metadata']);
  const { references } = options;
  if (references === undefined || references === null || references.trim() === 'references') {
    own.add('references');
  }
  if (options.id === null || options.id.trim() === 'id') own.add('id');
  if (options.prompt === null) own.add('prompt');
  return own;
}
