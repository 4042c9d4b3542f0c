import { readdir, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, extname, join, relative, resolve } from 'node:path';
import { Command, Option } from 'commander';
import { lookAtTable, type TableLook } from '../../producer/look-at-table.js';
import { formatOf } from '../../producer/sources/source.js';
import { modelListNote, readModelList } from '../../session/model-list.js';
import { inputFetcherFor } from '../../session/open-client.js';
import { isUrl } from '../../shared/addresses.js';
import { BatchError, ExitCode } from '../../shared/errors.js';
import { counted, shellWord } from '../../shared/quantities.js';
import { addReadingFlags, addYesFlag, inputArgument } from '../options/flags.js';
import { recipesHere } from '../options/recipe-here.js';
import type { CommandSetup } from '../setup.js';
import { canAsk } from '../text/agree.js';
import { type RecipeAnswers, recipeText } from '../text/recipe-text.js';
import { printTable } from '../text/table.js';
import { addCheckCommand } from './check.js';
import {
  type Answers,
  type AskInit,
  type InitFlags,
  priceText,
  propose,
} from './propose-recipe.js';

/** Options of `run` that are answers here. */
const answered = [
  ...['format', 'delimiter', 'header-row', 'sheet', 'items'],
  ...['id', 'model', 'prompt', 'references'],
];

export function addInitCommand(program: Command, setup: CommandSetup): void {
  const command = program.command('init').argument('[file]', inputArgument.replace(/; - .*/, ''));
  const recipe = 'file to write (default: named after the input)';
  command.addOption(new Option('--recipe <file>', recipe));
  for (const option of addReadingFlags(new Command()).options) {
    if (answered.includes(option.name())) command.addOption(option);
  }
  command.addOption(new Option('--out <folder>', 'folder of the results (default: in out/)'));
  addYesFlag(command);
  command.action((file: string | undefined, flags: InitFlags) =>
    setup.run(() => init(setup, file, flags)),
  );
}

async function init(
  setup: CommandSetup,
  given: string | undefined,
  flags: InitFlags,
): Promise<ExitCode> {
  const { settings, terminal } = setup;
  const asks = canAsk() && !flags.yes;
  const ask = asks ? (await import('../text/ask-init.js')).askInit(terminal) : null;
  const file = given ?? (await chooseFile(ask));
  const look = await lookAtTable(file, {
    format: flags.format ?? null,
    delimiter: flags.delimiter ?? null,
    headerRow: flags.headerRow ?? null,
    sheet: flags.sheet ?? null,
    items: flags.items ?? null,
    fetchSource: inputFetcherFor(settings),
  });
  showRows(setup, file, look);
  const list = await readModelList(settings);
  // The check says it as well.
  const isChecked = look.bytes <= checkedBytes;
  const note = isChecked ? null : modelListNote(list);
  if (note !== null) terminal.note(note);
  const proposal = propose(file, look, { models: list.models, flags });
  const answers =
    ask === null ? proposal : await ask.answer(proposal, { look, models: list.models });
  const { recipe } = answers;
  await write(recipe, answersText(file, look, { answers, flags }), ask);
  tellChoice(setup, look, answers);
  if (isChecked) await check(setup, recipe, ask);
  else
    terminal.print(
      `\nThe whole file is read by: ${setup.program} check --recipe ${shellWord(recipe)}`,
    );
  await tellNext(setup, recipe);
  return ExitCode.succeeded;
}

/** A larger file takes longer to read than somebody waits who has only begun. */
const checkedBytes = 5_000_000;

async function chooseFile(ask: AskInit | null): Promise<string> {
  const names = (await readdir('.')).filter((name) => {
    const isOurs = /^(package(-lock)?|tsconfig.*|manifest|run|rejected)\.(json|jsonl|csv)$/.test(
      name,
    );
    return formatOf(name) !== null && !name.startsWith('.') && !isOurs;
  });
  const [only, ...others] = names.sort();
  if (ask !== null) return ask.file(names);
  if (only !== undefined && others.length === 0) return only;
  const there = only === undefined ? '' : ` In this folder are ${names.map(shellWord).join(', ')}.`;
  throw new BatchError('usage', `Name the file: rivya-batch init FILE.${there}`);
}

function showRows({ terminal }: CommandSetup, file: string, look: TableLook): void {
  const { rows, shop, columns, headerRow } = look;
  const count = `${rows.kind === 'about' ? 'about ' : ''}${counted(rows.count, 'row')}`;
  const of = shop === null ? '' : `, an export of ${shop}`;
  const header = headerRow === null ? '' : `; the header is in row ${headerRow}`;
  terminal.print(`${file}: ${count}, ${columns.length} columns${of}${header}.\n`);
  const filled = columns
    .map((head, at) => ({ head, at }))
    .filter(({ at }) => look.shown.some((cells) => (cells[at] ?? '') !== ''))
    .slice(0, mostColumnsShown);
  printTable(
    terminal,
    look.shown,
    filled.map(({ head, at }) => ({
      head: oneLine(head, 24),
      text: (cells) => oneLine(cells[at] ?? '', 40),
      narrow: { least: 8, by: 'end' },
      leaveOut: at,
    })),
  );
}

const mostColumnsShown = 6;

function oneLine(text: string, most: number): string {
  const line = text.replaceAll(/\s+/g, ' ');
  return line.length > most ? `${line.slice(0, most - 1)}…` : line;
}

function answersText(
  file: string,
  look: TableLook,
  { answers, flags }: { answers: Answers; flags: InitFlags },
): string {
  const { recipe, id, prompt, model, references } = answers;
  const headerRow = flags.headerRow ?? look.headerRow;
  const reading = Object.entries({
    format: flags.format,
    delimiter: flags.delimiter,
    'header-row': headerRow,
    sheet: flags.sheet,
    items: flags.items,
  }).flatMap(([key, value]) => (value == null ? [] : [[key, value] as const]));
  const beside = (path: string) =>
    isUrl(path) ? path : relative(dirname(resolve(recipe)), resolve(path));
  const text: RecipeAnswers = {
    file: beside(file),
    out: beside(flags.out ?? join('out', basename(recipe, extname(recipe)))),
    ...{ id, prompt, references, model: model?.id ?? null },
    where:
      prompt !== null &&
      look.title?.isSometimesEmpty === true &&
      prompt.includes(`{{${look.title.column}}}`)
        ? look.title.column
        : null,
    reading: Object.fromEntries(reading),
  };
  const choice = model?.params.find(({ options }) => options.length > 0);
  return recipeText(text, {
    columns: look.columns,
    price: model === null ? null : priceText(model, look),
    params:
      choice === undefined
        ? null
        : `params: { ${choice.key}: '${choice.options[0]}' }   # ${choice.options.slice(0, 6).join(', ')}`,
  });
}

/** @throws BatchError `usage` where a file of that name is not to be lost */
async function write(recipe: string, text: string, ask: AskInit | null): Promise<void> {
  try {
    await writeFile(recipe, text, { flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
      const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
      throw new BatchError('output_unusable', `${recipe} cannot be written (${code}).`, {
        cause: error,
      });
    }
    if (ask === null || !(await ask.mayOverwrite(recipe))) {
      throw new BatchError(
        'usage',
        `${recipe} is there already, and stays as it is. Name another file: --recipe FILE`,
      );
    }
    await writeFile(recipe, text);
  }
}

function tellChoice({ terminal }: CommandSetup, look: TableLook, answers: Answers): void {
  const { recipe, id, prompt, model, references } = answers;
  terminal.print(`\n${recipe} is written:`);
  const facts = [
    ['id', id ?? 'a hash: no column is different in all rows'],
    ['prompt', prompt ?? "the rows' own"],
    ['model', model === null ? "the rows' own" : priceText(model, look)],
    [
      'references',
      references ??
        (look.pictures === null ? 'none' : `none; there is a column ${look.pictures.column}`),
    ],
  ] as const;
  for (const [name, text] of facts) terminal.print(`  ${name.padEnd(12)}${text}`);
}

/**
 * The very check that somebody would type next. A recipe with which nothing can be read, such as one of a mistyped column,
 * is not left behind where the command has to be typed again.
 */
async function check(setup: CommandSetup, recipe: string, ask: AskInit | null): Promise<void> {
  const program = new Command('rivya-batch').exitOverride();
  addCheckCommand(program, setup);
  setup.terminal.print('');
  try {
    await program.parseAsync(['check', '--recipe', recipe], { from: 'user' });
  } catch (error) {
    if (!(error instanceof BatchError) || ask !== null) throw error;
    await rm(recipe, { force: true });
    throw new BatchError(error.code, `${error.message}\n${recipe} is taken back.`, {
      cause: error,
    });
  }
}

async function tellNext(
  { terminal, program, settings }: CommandSetup,
  recipe: string,
): Promise<void> {
  const isOnly = dirname(recipe) === '.' && (await recipesHere()).length === 1;
  const run = `${program} run${isOnly ? '' : ` --recipe ${shellWord(recipe)}`}`;
  const key =
    settings.apiKey === null ? ', once RIVYA_API_KEY stands in a file named .env here' : '';
  terminal.print(`\nTry it: placeholders, nothing is sent or spent.\n  ${run} --simulate`);
  terminal.print(`A few of them for real, to look at first${key}.\n  ${run} --trial 5`);
}
