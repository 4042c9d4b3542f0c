import { dirname, relative, resolve } from 'node:path';
import { type Command, InvalidArgumentError, type Option } from 'commander';
import { BatchError } from '../../shared/errors.js';
import { isUrl } from '../../shared/schedule/schedule.js';
import type { ReadingFlags } from '../flags.js';
import { expandOutputs, listOf } from './expand-outputs.js';
import { type ReadRecipe, readRecipe } from './read-recipe.js';

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
