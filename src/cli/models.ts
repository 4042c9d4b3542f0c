import Table from 'cli-table3';
import type { Command } from 'commander';
import { ExitCode } from '../shared/errors.js';
import type { CommandSetup } from './command-setup.js';
import { addJsonFlag } from './flags.js';
import { modelListNote, readModelList } from './model-list.js';

export function addModelsCommand(program: Command, setup: CommandSetup): void {
  const command = program
    .command('models')
    .description('the models that can be used, with their base price and parameters');
  addJsonFlag(command);
  command.action((flags: { json: boolean }) =>
    setup.run(() => showModels(setup, flags.json ? 'json' : 'table')),
  );
}

async function showModels(setup: CommandSetup, format: 'json' | 'table'): Promise<ExitCode> {
  const { terminal } = setup;
  const list = await readModelList(setup.settings);
  const { models, from: source } = list;
  if (format === 'json') {
    terminal.print(JSON.stringify({ source, models }));
    return ExitCode.succeeded;
  }
  const table = new Table({
    head: ['model', 'kind', 'base credits', 'longest prompt', 'parameters'],
    style: { head: [], border: [] },
    colWidths: [null, null, null, null, Math.max(24, terminal.width - 64)],
    wordWrap: true,
  });
  for (const model of models.filter((entry) => entry.category !== 'chat')) {
    table.push([
      model.id,
      model.category ?? '?',
      model.baseCredits ?? '?',
      model.maxPromptLength ?? 'no limit known',
      model.params.map((param) => param.key).join(', '),
    ]);
  }
  terminal.print(table.toString());
  const note = modelListNote(list);
  if (note !== null) terminal.note(note);
  return ExitCode.succeeded;
}
