import { BatchError } from '../shared/errors.js';
import { type Condition, parseCondition } from './condition.js';
import { columnsOfName } from './file-name.js';
import type { InputOptions, OutputOption, ParamOption } from './input-options.js';
import { isParamKey, type NeededColumn, type Output, type ParamTemplate } from './mapping.js';
import { type ReferencesOption, referenceColumns } from './references-option.js';
import { columnTemplate, type HtmlRule, parseTemplate, type Template } from './template.js';

/** Gathers every fault of the options, and every column that they need. */
export class MappingParser {
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
    const place = `output ${name}`;
    return {
      name,
      model: this.template(output.model, `${place}, model`),
      prompt: this.template(output.prompt, `${place}, prompt`, html),
      params: this.params(output.params, `${place}, param`),
      variants: output.variants ?? variants,
      when: this.conditions(output.when, `${place}, when`),
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

export function repeatedIn(names: readonly string[]): string[] {
  return [...new Set(names.filter((name, position) => names.indexOf(name) !== position))];
}
