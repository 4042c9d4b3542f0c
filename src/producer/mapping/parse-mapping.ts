import { BatchError } from '../../shared/errors.js';
import type { InputOptions, OutputOption, ParamOption } from '../options.js';
import { columnsOfName } from '../outputs/file-name.js';
import { type Condition, parseCondition } from '../rows/condition.js';
import { arrangeOutputs } from '../steps/arrange-outputs.js';
import { type Makes, makesOf, type NamePlace, OutputNames } from '../steps/output-names.js';
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
  const parsing = new MappingParser(options);
  const id = parsing.template(options.id, '--id');
  const model = parsing.template(options.model, '--model');
  const html = options.html ?? 'to_text';
  const prompt = parsing.template(options.prompt, options.promptFile ?? '--prompt', html);
  const params = parsing.params(options.params, '--param');
  const outputs = parsing.outputs(options);
  const references = parsing.references(options.references ?? null, '--references');
  const fileName = parsing.template(options.fileName ?? null, '--name');
  const where = parsing.conditions(options.where ?? [], '--where');
  parsing.columns(options.fillDown ?? [], '--fill-down');
  parsing.columns(options.fillDownWithin ? [options.fillDownWithin] : [], '--fill-down-within');
  parsing.columns(options.unique ? [options.unique] : [], '--unique');
  const { faults, needed } = parsing;
  faults.push(...repeatedOutputs(options.outputs ?? []));
  // What a list makes several outputs of is wrong in each of them.
  if (faults.length > 0) throw new BatchError('bad_input', [...new Set(faults)].join('\n'));
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
  return {
    name: null,
    model: null,
    prompt: null,
    params: [],
    references: null,
    axes: variants > 1 ? [variants] : [],
    when: [],
    after: [],
    approve: false,
  };
}

function repeatedOutputs(outputs: readonly OutputOption[]): string[] {
  const names = outputs.map(({ name }) => name);
  return repeatedIn(names).map((name) => `output ${name} is given more than once.`);
}

function ownColumns(options: InputOptions): Set<string> {
  const own = new Set(['model', 'params', 'metadata']);
  const { references = null, outputs = [] } = options;
  const givesAll = outputs.length > 0 && outputs.every((output) => output.references !== null);
  if (!givesAll && (references === null || references.trim() === 'references')) {
    own.add('references');
  }
  if (options.id === null || options.id.trim() === 'id') own.add('id');
  const isAsked = ({ prompt }: OutputOption) => prompt !== null;
  const asksForAll = outputs.length > 0 && outputs.every(isAsked);
  if (options.prompt === null && !asksForAll) own.add('prompt');
  return own;
}

/** Gathers every fault of the options, and every column that they need. */
class MappingParser {
  readonly faults: string[] = [];
  readonly needed: NeededColumn[] = [];
  readonly #names: OutputNames;

  constructor(options: InputOptions) {
    this.#names = new OutputNames(options.outputs ?? [], makesByModel(options));
  }

  template(
    text: string | null,
    option: string,
    html: HtmlRule = 'keep',
    place: NamePlace = { kind: 'elsewhere' },
  ): Template | null {
    if (text === null) return null;
    return this.#orFault(() => {
      const isColumn = option === '--id' && !isTemplate(text);
      const parsed = isColumn
        ? columnTemplate(text.trim())
        : parseTemplate(text, option, html, this.#names.reader(place));
      const template = option === '--name' ? columnsOfName(parsed) : parsed;
      this.needed.push(...neededBy(template, option));
      return template;
    });
  }

  params(params: readonly ParamOption[], option: string, place?: NamePlace): ParamTemplate[] {
    this.faults.push(...paramFaults(params, option));
    return params.flatMap(({ key, template: text }) => {
      const template = this.template(text, `${option} ${key}`, 'keep', place);
      return template === null ? [] : [{ key, template }];
    });
  }

  references(text: string | null, option: string, place?: NamePlace): ReferencesOption | null {
    if (text === null) return null;
    if (isTemplate(text)) {
      const template = this.template(text, option, 'keep', place);
      return template && { kind: 'template', template };
    }
    const columns = referenceColumns(text);
    this.columns(columns, option);
    return { kind: 'columns', columns };
  }

  conditions(texts: readonly string[], option: string): Condition[] {
    const names = this.#names.reader({ kind: 'elsewhere' });
    return texts.flatMap((text) => {
      const condition = this.#orFault(() => parseCondition(text, option));
      if (condition === null) return [];
      const meaning = names(condition.column);
      if (meaning.kind === 'refused') this.faults.push(`${option}: ${meaning.reason}.`);
      else this.columns([condition.column], option, 'in_tables');
      return [condition];
    });
  }

  /** In the order in which they are made. */
  outputs({ outputs = [], variants, html = 'to_text', placeOf }: InputOptions): Output[] {
    const wordsFor = (name: string, key: string) => {
      const place = placeOf?.(name, key);
      return `${place === undefined ? '' : `${place}: `}output ${name}, ${key}`;
    };
    const arranged = arrangeOutputs(outputs, variants);
    for (const { output, key, reason } of arranged.faults) {
      this.faults.push(`${wordsFor(output, key)}: ${reason}${reason.endsWith('?') ? '' : '.'}`);
    }
    const parsed = arranged.outputs.map(({ option, axes }) => {
      const { name } = option;
      const text: NamePlace = { kind: 'text', output: option };
      const at = (key: string) => wordsFor(name, key);
      return {
        name,
        model: this.template(option.model, at('model')),
        prompt: this.template(option.prompt, at('prompt'), html, text),
        params: this.params(option.params, at('param'), text),
        references: this.references(option.references, at('references'), {
          kind: 'references',
          output: option,
        }),
        axes,
        when: this.conditions(option.when, at('when')),
        after: option.after,
        approve: option.approve,
      };
    });
    return parsed;
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

/** What each output makes, where the recipe alone says of which model it is. */
function makesByModel({ outputs = [], models }: InputOptions): (output: string) => Makes {
  const fixed = new Map(outputs.map(({ name, model }) => [name, model?.trim()]));
  return (output) => {
    const id = fixed.get(output);
    return makesOf(models.find((model) => model.id === id)?.category ?? null);
  };
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
