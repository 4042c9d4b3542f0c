import type { OutputOption } from '../../producer/input-options.js';
import type { Recipe, RecipeOutput } from './recipe-schema.js';

/** What the recipe says for all briefs, and what remains of its outputs. */
export interface Making {
  model: string | null;
  params: { key: string; template: string }[];
  /** Empty where each row makes one brief. */
  outputs: OutputOption[];
}

interface Choice {
  /** Goes into the name; null where there is no choice. */
  name: string | null;
  model: string | null;
  params: { key: string; template: string }[];
}

/**
 * Outputs x models x params: where there is a list, a brief is made for each of its values, and the value goes into
 * the id. Takes the recipe with scalars as written.
 */
export function expandOutputs({ model, params = {}, outputs = {} }: Recipe): Making {
  const shared = { model, params };
  if (Object.keys(outputs).length === 0) {
    const choices = choicesOf(shared);
    const [only] = choices;
    if (choices.length === 1 && only) {
      return { model: only.model, params: only.params, outputs: [] };
    }
    return {
      model: null,
      params: [],
      outputs: choices.map((choice) => outputOf(choice, {}, null)),
    };
  }
  const expanded = Object.entries(outputs).flatMap(([name, output]) => {
    const own = { model: output.model ?? model, params: { ...params, ...output.params } };
    return choicesOf(own).map((choice) => outputOf(choice, output, name));
  });
  return { model: null, params: [], outputs: expanded };
}

function outputOf(choice: Choice, output: RecipeOutput, name: string | null): OutputOption {
  return {
    name: [name, choice.name].filter((part) => part !== null).join('/'),
    model: choice.model,
    prompt: output.prompt ?? null,
    params: choice.params,
    variants: output.variants === undefined ? null : Number(output.variants),
    when: listOf(output.when ?? []),
  };
}

function choicesOf({ model, params = {} }: Pick<RecipeOutput, 'model' | 'params'>): Choice[] {
  let choices = listOf(model ?? []).map(
    (id): Choice => ({ name: Array.isArray(model) ? slug(id) : null, model: id, params: [] }),
  );
  if (choices.length === 0) choices = [{ name: null, model: null, params: [] }];
  for (const [key, value] of Object.entries(params)) {
    const isChoice = Array.isArray(value);
    choices = choices.flatMap((choice) =>
      listOf(value).map((template) => ({
        ...choice,
        name: isChoice ? joined(choice.name, slug(String(template))) : choice.name,
        params: [...choice.params, { key, template: String(template) }],
      })),
    );
  }
  return choices;
}

function joined(name: string | null, part: string): string {
  return name === null ? part : `${name}/${part}`;
}

/** `16:9` goes into an id as `16-9`. */
function slug(value: string): string {
  return value.replace(/[^\p{L}\p{M}\p{N}._]+/gu, '-').replace(/^-+|(?<!-)-+$/g, '') || '-';
}

/** A recipe may say one thing without making a list of it. */
export function listOf<Item>(value: Item | Item[]): Item[] {
  return Array.isArray(value) ? value : [value];
}
