import { readFileSync } from 'node:fs';
import type { Command, Option } from 'commander';
import { expect, it } from 'vitest';
import type { CommandSetup } from '../src/cli/command-setup.js';
import { createProgram } from '../src/cli/program.js';

interface OptionRow {
  name: string;
  text: string;
  /** The commands that the table says have it. */
  of: string[];
}

const readme = readFileSync('README.md', 'utf8');
const options = readme.slice(readme.indexOf('\n### Options'), readme.indexOf('\n### Commands'));
const [, inputTable = '', requestsTable = '', restTable = ''] = options.split(/\n\| option \|.*\n/);

/** A row that names several options, such as `--submit-rate N`, `--read-rate N`, is a row for each. */
function rowsOf(table: string, commandsOf: (name: string, of: string) => string[]): OptionRow[] {
  return [...table.matchAll(/^\| .*--.* \|$/gm)].flatMap(([text]) => {
    const [, options = '', of = ''] = text.split(/(?<!\\)\|/);
    const names = [...options.matchAll(/--[a-z-]+/g)].map(([name]) => name);
    return names.map((name) => ({ name, text, of: commandsOf(name, of) }));
  });
}

/** What the sentences above the tables, and some rows, say of single options. */
const exceptions: Record<string, string[]> = {
  '--batch': ['run', 'check', 'enqueue'],
  '--fresh': ['run', 'check', 'enqueue'],
  '--force': ['run', 'enqueue'],
  '--rejected': ['check', 'enqueue'],
  '--rate': ['run', 'worker', 'check'],
  '--in-flight': ['run', 'worker', 'check'],
};
const rows = [
  ...rowsOf(inputTable, (name) => exceptions[name] ?? ['run', 'check', 'enqueue', 'schedule add']),
  ...rowsOf(requestsTable, (name) => exceptions[name] ?? ['run', 'worker']),
  ...rowsOf(restTable, (_, of) => [...of.matchAll(/`([a-z -]+)`/g)].map(([, name = '']) => name)),
];

async function commands(): Promise<Map<string, Command>> {
  const program = await createProgram({} as CommandSetup, undefined);
  const all = program.commands.flatMap((command) => {
    const own: [string, Command][] = [[command.name(), command]];
    const below = command.commands.map((sub): [string, Command] => {
      return [`${command.name()} ${sub.name()}`, sub];
    });
    return [...own, ...below];
  });
  return new Map(all);
}

const isRowOf = (command: string, { long, envVar }: Option) => {
  const twin = envVar?.replace(/^.*_READ_/, '..._READ_') ?? '';
  return (row: OptionRow) =>
    row.name === long && row.of.includes(command) && row.text.includes(twin);
};

it('the README has every option of every command, with its twin in the environment', async () => {
  const missing = [...(await commands())]
    // The simulator has a help of its own, to which the README leads.
    .filter(([name]) => name !== 'simulator')
    .flatMap(([name, { options }]) => {
      return options
        .filter((option) => !rows.some(isRowOf(name, option)))
        .map(({ long }) => `${name} ${long}`);
    });
  expect(missing).toEqual([]);
});

it('the README gives an option only to commands that have it', async () => {
  const all = await commands();
  const wrong = rows.flatMap(({ name, of }) => {
    return of
      .filter((command) => !all.get(command)?.options.some(({ long }) => long === name))
      .map((command) => `${command} ${name}`);
  });
  expect(rows.length).toBeGreaterThan(40);
  expect(wrong).toEqual([]);
});
