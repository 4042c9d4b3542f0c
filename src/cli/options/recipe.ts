import { readFileSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { type Command, InvalidArgumentError, type Option } from 'commander';
import { type Document, isNode, LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import type { OutputOption } from '../../producer/options.js';
import { isUrl } from '../../shared/addresses.js';
import { BatchError, whyUnreadable } from '../../shared/errors.js';
import { faultOfIssue } from '../../shared/json.js';
import type { ReadingFlags } from './flags.js';
import { type Recipe, type RecipeOutput, recipeSchema } from './recipe-schema.js';

/** Keys that are no plain option of a command. */
const ownKeys = new Set(['$schema', 'files', 'model', 'params', 'outputs']);
/** They name a file or folder, which is meant from where the recipe is. */
const pathKeys = new Set(['out']);

/**
 * Fills a command's flags with what its recipe says, where the command line itself says nothing: option, recipe,
 * environment, default. Returns the files: those of the command line, or else the recipe's.
 * @throws BatchError `bad_input` with the recipe's line
 */
export function applyRecipe(command: Command, files: string[]): string[] {
  const { recipe: path } = command.opts<{ recipe?: string }>();
  if (path === undefined) return files;
  const read = readRecipe(path);
  for (const key of Object.keys(read.recipe)) {
    if (ownKeys.has(key)) continue;
    const option = command.options.find((candidate) => recipeKey(candidate) === key);
    // What another command of the same recipe takes, such as `rate` for `check`.
    if (option !== undefined) applyOption(command, option, { read, key });
  }
  applyMaking(command, read);
  if (files.length > 0) return files;
  return listOf(read.written.files ?? []).map((file) => fromRecipe(file, read));
}

function applyOption(
  command: Command,
  option: Option,
  { read, key }: { read: ReadRecipe; key: string },
): void {
  const name = option.attributeName();
  if (isGiven(command, name)) return;
  const typed = (read.recipe as Record<string, unknown>)[key];
  const written = (read.written as Record<string, unknown>)[key];
  const value = typeof typed === 'boolean' ? typed : parseValue(option, written, { read, key });
  command.setOptionValueWithSource(name, value, 'recipe');
}

function parseValue(
  option: Option,
  written: unknown,
  { read, key }: { read: ReadRecipe; key: string },
): unknown {
  // A list is taken as it is: on the command line a comma may separate, here every entry is one.
  if (Array.isArray(written)) return written.map(String);
  const text = String(written);
  if (key === 'prompt') return promptText(text, read);
  try {
    const { parseArg, defaultValue } = option;
    const value: unknown = parseArg ? parseArg(text, defaultValue as undefined) : text;
    return pathKeys.has(key) ? fromRecipe(text, read) : value;
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error;
    throw new BatchError('bad_input', `${read.placeOf([key])}: ${key}: ${error.message}`);
  }
}

/** Outputs and lists are the recipe's alone; a param or model of the command line wins over the recipe's. */
function applyMaking(command: Command, read: ReadRecipe): void {
  const { model, params, outputs } = expandOutputs(read.written);
  const withFiles = outputs.map((output) => ({
    ...output,
    prompt: output.prompt === null ? null : promptText(output.prompt, read),
  }));
  command.setOptionValueWithSource('outputs', withFiles, 'recipe');
  // A name that a list has made of one begins with it.
  const placeOf = (name: string, key: string) =>
    read.placeOf(['outputs', name.split('/')[0] ?? '', ...key.split(' ')]);
  command.setOptionValueWithSource('placeOf', placeOf, 'recipe');
  if (model !== null && !isGiven(command, 'model')) {
    command.setOptionValueWithSource('model', model, 'recipe');
  }
  const { param } = command.opts<ReadingFlags>();
  const given = isGiven(command, 'param') ? param : [];
  const others = params.filter(({ key }) => given.every((own) => own.key !== key));
  command.setOptionValueWithSource('param', [...given, ...others], 'recipe');
}

/** `--no-wait` is `wait: false`. */
function recipeKey(option: Option): string {
  return option.name().replace(/^no-/, '');
}

function isGiven(command: Command, name: string): boolean {
  return command.getOptionValueSource(name) === 'cli';
}

/** `@prompt.txt` stands beside the recipe. */
function promptText(text: string, read: ReadRecipe): string {
  const isFile = text.startsWith('@') && !text.startsWith('@@');
  return isFile ? `@${fromRecipe(text.slice(1), read)}` : text;
}

function fromRecipe(path: string, { path: recipe }: ReadRecipe): string {
  if (path === '-' || isUrl(path)) return path;
  return relative(process.cwd(), resolve(dirname(recipe), path)) || '.';
}

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
    references: output.references ?? null,
    variants: output.variants === undefined ? null : Number(output.variants),
    when: listOf(output.when ?? []),
    after: listOf(output.after ?? []),
    // As written, which is text.
    approve: String(output.approve) === 'true',
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
function listOf<Item>(value: Item | Item[]): Item[] {
  return Array.isArray(value) ? value : [value];
}

type Path = readonly (string | number)[];

/** A recipe that fits its schema. */
export interface ReadRecipe {
  path: string;
  recipe: Recipe;
  /** The same with every scalar as it is written: `00123` and `1:1` are texts. */
  written: Recipe;
  /** `catalog.yaml, line 7`, for a fault of what stands at this path. */
  placeOf(path: Path): string;
}

/**
 * Reads YAML, and JSON with it.
 * @throws BatchError `bad_input` with a line for each fault
 */
export function readRecipe(path: string): ReadRecipe {
  const text = readText(path);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: true });
  const placeOf = (at: Path) => `${path}, line ${lineOf(document, lines, at)}`;
  if (document.errors.length > 0) {
    const faults = document.errors.map(
      ({ message, linePos }) => `${path}, line ${linePos?.[0].line ?? 1}: ${firstLine(message)}`,
    );
    throw new BatchError('bad_input', faults.join('\n'));
  }
  const parsed = recipeSchema.safeParse(recipeIn(document, path));
  if (!parsed.success) {
    const faults = parsed.error.issues.flatMap((issue) => describeIssue(issue, placeOf));
    const inOrder = new Intl.Collator('en', { numeric: true });
    throw new BatchError('bad_input', faults.sort(inOrder.compare).join('\n'));
  }
  const written = parseDocument(text, { schema: 'failsafe' }).toJS() ?? {};
  return { path, recipe: parsed.data, written: written as Recipe, placeOf };
}

/** Null is an empty file; anchors that refer to each other may not grow without end. */
function recipeIn(document: Document, path: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 }) ?? {};
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error;
    const sentence = `${path}: its anchors are used too often, or one is not there.`;
    throw new BatchError('bad_input', sentence, { cause: error });
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8').replace(/^\ufeff/, '');
  } catch (error) {
    throw new BatchError('bad_input', `${path}: ${whyUnreadable(error)}.`, { cause: error });
  }
}

function lineOf(document: Document, lines: LineCounter, path: Path): number {
  for (let length = path.length; length > 0; length--) {
    const node = document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
  }
  return 1;
}

type Issue = z.core.$ZodIssue;

function describeIssue(issue: Issue, placeOf: (path: Path) => string): string[] {
  const path = issue.path.map((key) => (typeof key === 'number' ? key : String(key)));
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map(
      (key) => `${placeOf([...path, key])}: there is no setting "${[...path, key].join('.')}".`,
    );
  }
  const what = path.length === 0 ? 'A recipe' : path.join('.');
  return [`${placeOf(path)}: ${what} ${faultOfIssue(issue)}.`];
}

/** The rest shows the text around the fault, which the line number finds as well. */
function firstLine(message: string): string {
  return message.split('\n')[0]?.replace(/ at line \d+, column \d+:?$/, '.') ?? message;
}
