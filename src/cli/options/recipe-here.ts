import { readdir, stat } from 'node:fs/promises';
import { extname } from 'node:path';
import type { Command } from 'commander';
import { BatchError } from '../../shared/errors.js';
import { shellWord } from '../../shared/quantities.js';
import { noInput, requireFiles } from './flags.js';
import { applyRecipe, readRecipe } from './recipe.js';

/** What a command is to read, and where it is said. */
export interface CommandInput {
  files: string[];
  /** The recipe that was found in this folder because nothing was named; null where something was. */
  found: string | null;
}

/**
 * The files of a command: those that are named, or its recipe's. Where nothing is named at all, the recipe of this folder
 * counts, if there is only one.
 * @throws BatchError `usage`, `bad_input`
 */
export async function inputOf(command: Command, typed: readonly string[]): Promise<CommandInput> {
  const isNamed = typed.length > 0 || command.getOptionValue('recipe') !== undefined;
  if (isNamed) return { files: requireFiles(applyRecipe(command, [...typed])), found: null };
  const recipes = await recipesHere();
  if (saysWhatIsMade(command)) refuseUnnamed(recipes);
  const found = onlyOne(recipes, command.name());
  command.setOptionValueWithSource('recipe', found, 'found');
  return { files: requireFiles(applyRecipe(command, [])), found };
}

/**
 * Options that go with a recipe that is not named: they say how much of it is made, and how. With any other, a file that
 * is not there is a slip, such as a variable of a script that is empty, and nothing may be made of what lies about.
 */
const alongside = new Set([
  ...['simulate', 'trial', 'limit', 'sample', 'max-credits', 'max-credits-per-day', 'ask-above'],
  ...['yes', 'json', 'no-wait', 'rate', 'in-flight', 'skip-invalid', 'rejected', 'log-level'],
]);

function saysWhatIsMade(command: Command): boolean {
  return command.options.some((option) => {
    const source = command.getOptionValueSource(option.attributeName());
    return source === 'cli' && !alongside.has(option.name());
  });
}

/** With its recipes, which may be meant. @throws BatchError `usage` */
function refuseUnnamed(recipes: readonly string[]): never {
  const here = recipes.map((recipe) => `--recipe ${shellWord(recipe)}`).join(' or ');
  throw new BatchError('usage', here === '' ? noInput : `${noInput} Or add ${here}.`);
}

function onlyOne(recipes: readonly string[], command: string): string {
  const [first, ...others] = recipes;
  if (first === undefined) {
    throw new BatchError(
      'usage',
      `Name an input file; there is no recipe in this folder either. rivya-batch init FILE makes one of a table.`,
    );
  }
  if (others.length === 0) return first;
  const lines = recipes.map((recipe) => `  rivya-batch ${command} --recipe ${shellWord(recipe)}`);
  throw new BatchError(
    'usage',
    `There are ${recipes.length} recipes in this folder. Say which:\n${lines.join('\n')}`,
  );
}

/** A recipe is written by a person. */
const largestBytes = 256 * 1024;

/** Files of this folder that are recipes, and name what they are made of. */
export async function recipesHere(): Promise<string[]> {
  const names = (await readdir('.')).filter((name) => {
    return ['.yaml', '.yml', '.json'].includes(extname(name).toLowerCase());
  });
  const found = await Promise.all(
    names.sort().map(async (name) => {
      const stats = await stat(name).catch(() => null);
      return stats?.isFile() && stats.size <= largestBytes && isRecipe(name) ? [name] : [];
    }),
  );
  return found.flat();
}

function isRecipe(path: string): boolean {
  try {
    const { files, ...rest } = readRecipe(path).recipe;
    // Of other programs' settings, some have a name and files as well.
    const isOurs = ['out', 'id', 'model', 'prompt', 'outputs'].some((key) => key in rest);
    return files !== undefined && isOurs;
  } catch (error) {
    if (error instanceof BatchError) return false;
    throw error;
  }
}
