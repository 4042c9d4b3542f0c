import Table from 'cli-table3';
import type { Command } from 'commander';
import { bundledModels } from '../rivya/catalogue/bundled-models.js';
import { createRivyaClient } from '../rivya/client.js';
import type { Model } from '../rivya/outcome.js';
import { ExitCode } from '../shared/errors.js';
import type { CommandSetup } from './command-setup.js';
import { addJsonFlag } from './flags.js';
import { userAgent } from './session.js';

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
  const { models, source } = await findModels(setup);
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
  if (source === 'bundled') {
    terminal.note('The API could not be asked, so this is the list that came with this version.');
  }
  return ExitCode.succeeded;
}

async function findModels({
  settings,
}: CommandSetup): Promise<{ models: Model[]; source: 'api' | 'bundled' }> {
  const { origin, proxy, apiKey } = settings;
  const client = createRivyaClient({ origin, apiKey: apiKey ?? '', proxy, userAgent });
  try {
    const outcome = await client.listModels();
    if (outcome.kind === 'read') return { models: outcome.models, source: 'api' };
    return { models: bundledModels(), source: 'bundled' };
  } finally {
    await client.close();
  }
}
