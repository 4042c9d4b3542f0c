import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { expect, it } from 'vitest';
import { addRunCommand } from '../../../src/cli/commands/run.js';
import { recipeJsonSchema, recipeSchema } from '../../../src/cli/options/recipe-schema.js';
import type { CommandSetup } from '../../../src/cli/setup.js';

/** What somebody decides for one run, or what a recipe says in its own way. */
const notInRecipes = [
  'recipe',
  'json',
  'param',
  'fresh',
  'simulate',
  'force',
  'trial',
  'simulate',
  'yes',
  // A recipe of somebody else's does not reach into one's own network.
  'notify-private',
  'version',
  'help',
];

function optionsOfRun(): string[] {
  const program = new Command();
  addRunCommand(program, {} as CommandSetup);
  const run = program.commands.find((command) => command.name() === 'run');
  return (run?.options ?? []).map((option) => option.long?.replace(/^--(no-)?/, '') ?? '');
}

it('everything that run can be told can be in a recipe, under the name of its option', () => {
  const keys = Object.keys(recipeSchema.shape);
  const missing = optionsOfRun().filter(
    (name) => !keys.includes(name) && !notInRecipes.includes(name),
  );
  expect(missing).toEqual([]);
  const own = ['$schema', 'files', 'params', 'outputs'];
  expect(keys.filter((key) => !optionsOfRun().includes(key) && !own.includes(key))).toEqual([]);
});

it('the published schema is that of this version (npm run schema writes it)', () => {
  const published = readFileSync(
    new URL('../../../docs/recipe.schema.json', import.meta.url),
    'utf8',
  );
  expect(JSON.parse(published)).toEqual(recipeJsonSchema());
});
