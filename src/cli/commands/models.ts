import type { Command } from 'commander';
import type { Model } from '../../rivya/outcome.js';
import { ExitCode } from '../../shared/errors.js';
import { addJsonFlag } from '../options/flags.js';
import { modelListNote, readModelList } from '../options/model-list.js';
import type { CommandSetup } from '../setup.js';
import { type Column, printTable } from '../text/table.js';

export function addModelsCommand(program: Command, setup: CommandSetup): void {
  const command = program.command('models');
  addJsonFlag(command);
  command.action((flags: { json: boolean }) =>
    setup.run(() => showModels(setup, flags.json ? 'json' : 'table')),
  );
}

const columns: Column<Model>[] = [
  { head: 'model', text: ({ id }) => id, narrow: { least: 26, by: 'middle' } },
  { head: 'kind', text: ({ category }) => category ?? '?' },
  {
    head: 'base credits',
    text: ({ baseCredits }) => String(baseCredits ?? '?'),
    align: 'right',
  },
  {
    head: 'longest prompt',
    text: ({ maxPromptLength }) => String(maxPromptLength ?? 'no limit known'),
    align: 'right',
    leaveOut: 1,
  },
  {
    head: 'parameters',
    text: ({ params }) => params.map((param) => param.key).join(', '),
    narrow: { least: 28, by: 'next line' },
  },
];

async function showModels(setup: CommandSetup, format: 'json' | 'table'): Promise<ExitCode> {
  const { terminal } = setup;
  const list = await readModelList(setup.settings);
  const { models, from: source } = list;
  if (format === 'json') {
    terminal.json({ source, models });
    return ExitCode.succeeded;
  }
  printTable(
    terminal,
    models.filter((entry) => entry.category !== 'chat'),
    columns,
  );
  const note = modelListNote(list);
  if (note !== null) terminal.note(note);
  return ExitCode.succeeded;
}
