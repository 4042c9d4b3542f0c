import { existsSync } from 'node:fs';
import {
  type ArgumentTold,
  type CommandTold,
  type OptionTold,
  readToldCommands,
} from '../help/told-commands.js';
import { columnsOf, modelIds, namesInRedis } from './known-names.js';

/** One line for a shell: what may stand there, and what it is. */
interface Candidate {
  value: string;
  text: string;
}

/** The shell knows better which files there are. */
type Completion = Candidate[] | 'files';

/**
 * Prints what may be typed in the place of the last word, a line each, with what it is behind a tab; `:files` where the shell
 * is to say which files there are. Says nothing where nothing is known, and never fails: it runs at each Tab.
 */
export async function complete(words: readonly string[]): Promise<void> {
  // A shell that has gone meanwhile is told nothing.
  process.stdout.on('error', () => undefined);
  const found = await candidates(words).catch((): Completion => []);
  if (found === 'files') process.stdout.write(':files\n');
  else for (const { value, text } of found) process.stdout.write(`${value}\t${text}\n`);
}

async function candidates(words: readonly string[]): Promise<Completion> {
  const commands = readToldCommands() ?? [];
  const typed = words.slice(0, -1);
  const current = words.at(-1) ?? '';
  const { command, operands, open } = place(commands, typed);
  const fitting = (all: readonly Candidate[]) =>
    all.filter(({ value }) => value.startsWith(current));
  // `--option=value` is one word for a shell, and so is what is offered for it.
  const [joined = '', name = ''] = (open === null && /^(--[^=]+)=/.exec(current)) || [];
  const option = open ?? optionWithValue(command, name);
  if (option !== null) {
    const values = await valuesOf(option, operands);
    if (values === 'files') return values;
    return fitting(values.map(({ value, text }) => ({ value: `${joined}${value}`, text })));
  }
  if (current.startsWith('-')) return fitting(optionsOf(command));
  if (command === null) return operands.length > 0 ? [] : fitting(listOf(commands));
  if (command.commands.length > 0) return fitting(listOf(command.commands));
  const argument = command.arguments[operands.length] ?? command.arguments.at(-1);
  if (argument === undefined) return [];
  if (command.arguments.length <= operands.length && !argument.variadic) return [];
  const named = await valuesOfArgument(command, argument);
  return named === 'files' ? named : fitting(named);
}

interface Place {
  command: CommandTold | null;
  /** What was typed for its arguments. */
  operands: string[];
  /** An option whose value comes next. */
  open: OptionTold | null;
}

function place(commands: readonly CommandTold[], typed: readonly string[]): Place {
  const at: Place = { command: null, operands: [], open: null };
  for (const word of typed) {
    if (at.open !== null) {
      at.open = null;
      continue;
    }
    if (word.startsWith('--')) {
      at.open = optionWithValue(at.command, word);
      continue;
    }
    const below = at.command === null ? commands : at.command.commands;
    const found = at.operands.length === 0 ? below.find(({ name }) => name === word) : undefined;
    if (found !== undefined) at.command = found;
    else at.operands.push(word);
  }
  return at;
}

function optionWithValue(command: CommandTold | null, word: string): OptionTold | null {
  const option = command?.options.find((known) => typedAs(known) === word);
  return option && /[<[]/.test(option.flags) ? option : null;
}

function listOf(commands: readonly CommandTold[]): Candidate[] {
  return commands.map(({ name, does }) => ({ value: name, text: does }));
}

function optionsOf(command: CommandTold | null): Candidate[] {
  const own = (command?.options ?? [])
    .filter(({ hidden }) => !hidden)
    .map((option) => {
      return { value: typedAs(option), text: option.description.split(/;| \(/)[0] ?? '' };
    });
  return [...own, { value: '--help', text: 'what is used most; with --all everything' }];
}

const columnOptions = [
  'id',
  'unique',
  'fill-down',
  'fill-down-within',
  'references',
  'where',
  'by',
];
const fileOptions = ['recipe', 'out', 'rejected', 'take', 'ids', 'prompt'];

/** `--max-credits`, of `--max-credits <n>` */
function typedAs({ flags }: OptionTold): string {
  return flags.split(' ')[0] ?? flags;
}

async function valuesOf(option: OptionTold, operands: string[]): Promise<Completion> {
  const { choices } = option;
  const name = typedAs(option).replace(/^--/, '');
  if (choices !== null) return plain(choices);
  if (name === 'model') return modelIds();
  if (name === 'batch') return plain(await namesInRedis('batches'));
  if (columnOptions.includes(name)) {
    const file = operands.find((operand) => existsSync(operand));
    return file === undefined ? [] : plain(await columnsOf(file));
  }
  return fileOptions.includes(name) ? 'files' : [];
}

async function valuesOfArgument(
  command: CommandTold,
  { name, choices }: ArgumentTold,
): Promise<Completion> {
  if (choices !== null) return plain(choices);
  switch (name) {
    case 'batch':
    case 'batch or folder':
      return plain(await namesInRedis('batches'));
    case 'name':
      return command.name === 'add' ? [] : plain(await namesInRedis('schedules'));
    case 'model':
      return modelIds();
    case 'file':
    case 'folder':
      return 'files';
    default:
      return [];
  }
}

function plain(values: readonly string[]): Candidate[] {
  // A name that a line cannot hold is not offered.
  return values.filter((value) => !/[\t\n\r]/.test(value)).map((value) => ({ value, text: '' }));
}
