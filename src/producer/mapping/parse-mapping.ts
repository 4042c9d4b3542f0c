import { BatchError } from '../../shared/errors.js';
import type { InputOptions, OutputOption, ParamOption } from '../options.js';
import { columnsOfName } from '../outputs/file-name.js';
import { type Condition, parseCondition } from '../rows/condition.js';
import {
  columnTemplate,
  type HtmlRule,
  parseTemplate,
  type Template,
} from '../template/template.js';
import {
  isParamKey,
  type Mapping,
  type NeededColumn,
  type Output,
  type ParamTemplate,
  type ReferencesOption,
  referenceColumns,
} from './mapping.js';

/** Refuses a template that cannot be read and a param given twice; all such faults in one error. */
export function parseMapping(options: InputOptions): Mapping {
  const parsing = new MappingParser();
  const id = parsing.template(options.id, '--id');
  const model = parsing.template(options.model, '--model');
  const html = options.html ?? 'to_text';
  const prompt = parsing.template(options.prompt, options.promptFile ?? '--prompt', html);
  const params = parsing.params(options.params, '--param');
  const outputs = (options.outputs ?? []).map((output) => parsing.output(output, options));
  const references = parsing.references(options.references ?? null);
  const fileName = parsing.template(options.fileName ?? null, '--name');
  const where = parsing.conditions(options.where ?? [], '--where');
  parsing.columns(options.fillDown ?? [], '--fill-down');
  parsing.columns(options.fillDownWithin ? [options.fillDownWithin] : [], '--fill-down-within');
  parsing.columns(options.unique ? [options.unique] : [], '--unique');
  const { faults, needed } = parsing;
  faults.push(...repeatedOutputs(options.outputs ?? []));
  if (faults.length > 0) throw new BatchError('bad_input', faults.join('\n'));
  return {
    id,
    model,
    prompt,
    params,
    references,
    fileName,
    outputs: outputs.length > 0 ? outputs : [onlyOutput(options.variants)],
    where,
    needed,
    ownColumns: ownColumns(options),
  };
}

function onlyOutput(variants: number): Output {
  return { name: null, model: null, prompt: null, params: [], variants, when: [] };
}

function repeatedOutputs(outputs: readonly OutputOption[]): string[] {
  const names = outputs.map(({ name }) => name);
  return repeatedIn(names).map((name) => `output ${name} is given more than once.`);
}

function ownColumns(options: InputOptions): Set<string> {
  const own = new Set(['model', 'params', 'metadata']);
  const { references } = options;
  if (references === undefined || references === null || references.trim() === 'references') {
    own.add('references');
  }
  if (options.id === null || options.id.trim() === 'id') own.add('id');
  const isAsked = ({ prompt }: OutputOption) => prompt !== null;
  const asksForAll = options.outputs?.length ? options.outputs.every(isAsked) : false;
  if (options.prompt === null && !asksForAll) own.add('prompt');
  return own;
}

/** Gathers every fault of the options, and every column that they need. */
class MappingParser {
  readonly faults: string[] = [];
  readonly needed: NeededColumn[] = [];

  template(text: string | null, option: string, html: HtmlRule = 'keep'): Template | null {
    if (text === null) return null;
    return this.#orFault(() => {
      const isColumn = option === '--id' && !isTemplate(text);
      const parsed = isColumn ? columnTemplate(text.trim()) : parseTemplate(text, option, html);
      const template = option === '--name' ? columnsOfName(parsed) : parsed;
      this.needed.push(...neededBy(template, option));
      return template;
    });
  }

  params(params: readonly ParamOption[], option: string): ParamTemplate[] {
    this.faults.push(...paramFaults(params, option));
    return params.flatMap(({ key, template: text }) => {
      const template = this.template(text, `${option} ${key}`);
      return template === null ? [] : [{ key, template }];
    });
  }

  references(text: string | null): ReferencesOption | null {
    if (text === null) return null;
    if (isTemplate(text)) {
      const template = this.template(text, '--references');
      return template && { kind: 'template', template };
    }
    const columns = referenceColumns(text);
    this.columns(columns, '--references');
    return { kind: 'columns', columns };
  }

  conditions(texts: readonly string[], option: string): Condition[] {
    return texts.flatMap((text) => {
      const condition = this.#orFault(() => parseCondition(text, option));
      if (condition !== null) this.columns([condition.column], option, 'in_tables');
      return condition === null ? [] : [condition];
    });
  }

  output({ name, ...output }: OutputOption, { variants, html = 'to_text' }: InputOptions): Output {
    const where = `output ${name}`;
    return {
      name,
      model: this.template(output.model, `${where}, model`),
      prompt: this.template(output.prompt, `${where}, prompt`, html),
      params: this.params(output.params, `${where}, param`),
      variants: output.variants ?? variants,
      when: this.conditions(output.when, `${where}, when`),
    };
  }

  columns(columns: readonly string[], option: string, need: NeededColumn['need'] = 'always'): void {
    this.needed.push(...columns.map((column) => ({ column, option, need })));
  }

  #orFault<Parsed>(parse: () => Parsed): Parsed | null {
    try {
      return parse();
    } catch (error) {
      if (!(error instanceof BatchError)) throw error;
      this.faults.push(error.message);
      return null;
    }
  }
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

function paramFaults(params: readonly ParamOption[], option: string): string[] {
  const keys = params.map(({ key }) => key);
  return [
    ...keys
      .filter((key) => !isParamKey(key))
      .map((key) => `${option}: "${key}" cannot be the name of a param.`),
    ...repeatedIn(keys).map((key) => `${option} ${key} is given more than once.`),
  ];
}

function repeatedIn(names: readonly string[]): string[] {
  return [...new Set(names.filter((name, position) => names.indexOf(name) !== position))];
}
