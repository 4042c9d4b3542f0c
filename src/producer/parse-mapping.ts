import { BatchError } from '../shared/errors.js';
import type { InputOptions, OutputOption } from './input-options.js';
import type { Mapping, Output } from './mapping.js';
import { MappingParser, repeatedIn } from './mapping-parser.js';

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
