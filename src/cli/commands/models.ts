import type { Command } from 'commander';
import { AccountLedger } from '../../ledger/account-ledger.js';
import { accountHash } from '../../ledger/keys.js';
import { namedModel } from '../../producer/outputs/checks.js';
import type { Model, ModelParam } from '../../rivya/outcome.js';
import type { Settings } from '../../session/environment.js';
import { modelListNote, readModelList } from '../../session/model-list.js';
import { modelOf } from '../../shared/brief.js';
import { ExitCode } from '../../shared/errors.js';
import { joinRunning } from '../../store/open-store.js';
import { addJsonFlag } from '../options/flags.js';
import type { CommandSetup } from '../setup.js';
import { exampleOf, modelFacts, type SeenPrices, takenBy } from '../text/model-facts.js';
import { type Column, printTable } from '../text/table.js';
import { printFacts } from '../text/terminal.js';

type Format = 'json' | 'table';

export function addModelsCommand(program: Command, setup: CommandSetup): void {
  const command = program.command('models').argument('[model]', 'show this one whole');
  addJsonFlag(command);
  command.action((model: string | undefined, flags: { json: boolean }) => {
    const format = flags.json ? 'json' : 'table';
    return setup.run(() =>
      model === undefined ? showModels(setup, format) : showModel(setup, model, format),
    );
  });
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

async function showModels(setup: CommandSetup, format: Format): Promise<ExitCode> {
  const { terminal } = setup;
  const list = await readModelList(setup.settings);
  const { models, from: source } = list;
  if (format === 'json') {
    terminal.json({ source, models });
    return ExitCode.succeeded;
  }
  printTable(terminal, models, columns);
  const note = modelListNote(list);
  if (note !== null) terminal.note(note);
  return ExitCode.succeeded;
}

const paramColumns: Column<ModelParam>[] = [
  { head: 'param', text: ({ key }) => key },
  {
    head: 'default',
    text: ({ default: usual, required }) => (required ? 'needed' : (usual ?? '')),
  },
  { head: 'takes', text: takenBy, narrow: { least: 20, by: 'next line' } },
];

async function showModel(
  { settings, terminal, program }: CommandSetup,
  id: string,
  format: Format,
): Promise<ExitCode> {
  const list = await readModelList(settings);
  const model = namedModel(id, list.models);
  const seen = await seenPrices(settings, id);
  const example = exampleOf(model, program);
  if (format === 'json') {
    terminal.json({ ...model, source: list.from, pricesSeen: seen, example });
    return ExitCode.succeeded;
  }
  terminal.print(`${id}: ${model.displayName}`);
  printFacts(terminal, modelFacts(model, seen));
  terminal.print('');
  if (model.params.length === 0) terminal.print('The list names no params.');
  else printTable(terminal, model.params, paramColumns);
  terminal.print(`\nAn example row, and the check of it:\n`);
  terminal.print(example.command.replaceAll(/^/gm, '  '));
  const note = modelListNote(list);
  if (note !== null) terminal.note(note);
  return ExitCode.succeeded;
}

/** What batches of this key were charged, where a Redis that knows it is there: none is started to ask. */
async function seenPrices(settings: Settings, id: string): Promise<SeenPrices> {
  if (settings.apiKey === null) return null;
  const redis = await joinRunning(settings).catch(() => null);
  if (redis === null) return null;
  try {
    const account = accountHash(settings.origin, settings.apiKey);
    const prices = await new AccountLedger(redis, settings.prefix, account).prices();
    const seen = [...prices].filter(([kind]) => modelOf(kind) === id).map(([, price]) => price);
    return seen.length === 0 ? null : { least: Math.min(...seen), most: Math.max(...seen) };
  } catch {
    // It may be ending, or refuse to be read: the rest can be told all the same.
    return null;
  } finally {
    redis.disconnect();
  }
}
