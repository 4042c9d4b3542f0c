import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { BatchMeta, KeptCommand } from '../../ledger/batch-meta.js';
import { addressOf } from '../../results/output-places.js';
import { redactSecrets } from '../../rivya/transport-failure.js';
import { hasSecret, isUrl, shownFile } from '../../shared/addresses.js';
import { shellWord } from '../../shared/quantities.js';
import type { CommandSetup } from '../setup.js';

type Kept = Extract<KeptCommand, { kind: 'kept' }>;
type GivenOption = Kept['options'][number];

/**
 * What is said anew each time: what pays again or asks nothing, what is for one look, and how it is told; the batch's
 * name and folder are kept as they turned out to be.
 */
const notKept = new Set([
  ...['--force', '--fresh', '--yes', '--trial', '--rejected', '--json'],
  ...['--prefix', '--batch', '--out'],
  // The batch keeps it, apart from all else: its URL is a secret (S8).
  ...['--notify', '--notify-on', '--notify-private'],
]);

/** Notes the options of a command as they are parsed; to be asked once they are. */
export function recordOptions(command: Command): () => GivenOption[] {
  const given: { flag: string; attribute: string; value: string | null; from: 'cli' | 'env' }[] =
    [];
  for (const option of command.options) {
    const { long: flag } = option;
    if (!flag || notKept.has(flag)) continue;
    const attribute = option.attributeName();
    const isSwitch = !option.required && !option.optional;
    const note = (from: 'cli' | 'env') => (value?: string) => {
      given.push({ flag, attribute, value: isSwitch ? null : (value ?? ''), from });
    };
    command.on(`option:${option.name()}`, note('cli'));
    command.on(`optionEnv:${option.name()}`, note('env'));
  }
  return () =>
    given
      // A recipe wins over the environment; it is kept as a file, and read again.
      .filter(({ attribute, from }) => {
        return from === 'cli' || command.getOptionValueSource(attribute) !== 'recipe';
      })
      .map(({ flag, value }) => [flag, value]);
}

export interface TypedCommand {
  name: Kept['name'];
  options: GivenOption[];
  /** None where a recipe names them. */
  typedFiles: readonly string[];
}

interface ResolvedCommand extends TypedCommand {
  files: readonly string[];
  batch: string;
  /** Absolute, or '' for none. */
  out: string;
}

/** What the batch keeps of the command that begins it. */
export async function keepCommand(given: ResolvedCommand): Promise<KeptCommand> {
  for (const file of given.files) {
    if (file === '-' || !(await canBeReadAgain(file)))
      return { kind: 'not_kept', why: 'read_once' };
  }
  const options: GivenOption[] = [
    ['--batch', given.batch],
    ...(given.out === '' ? [] : [['--out', await addressOf(given.out)] satisfies GivenOption]),
    ...given.options.map(withWholePath),
  ];
  const files = given.typedFiles.map((file) => (isUrl(file) ? shownFile(file) : resolve(file)));
  const isSecret =
    given.typedFiles.some(hasSecret) ||
    options.some(([, value]) => value !== null && redactSecrets(value) !== value);
  if (isSecret) return { kind: 'not_kept', why: 'secret' };
  return { kind: 'kept', name: given.name, files, options };
}

/** A pipe, as in `<(zcat briefs.csv.gz)`, is read once. */
async function canBeReadAgain(file: string): Promise<boolean> {
  if (isUrl(file)) return true;
  return stat(file).then(
    (stats) => stats.isFile(),
    () => true,
  );
}

/** The command is given again from anywhere. */
function withWholePath([flag, value]: GivenOption): GivenOption {
  if (value === null) return [flag, value];
  if (flag === '--recipe') return [flag, resolve(value)];
  const isFile = flag === '--prompt' && value.startsWith('@') && !value.startsWith('@@');
  return [flag, isFile ? `@${resolve(value.slice(1))}` : value];
}

/** The kept command as words, with what is typed now in place of what it had. */
export function wordsOf({ files, options }: Kept, typed: readonly string[] = []): string[] {
  const replaced = new Set(typed.filter((word) => word.startsWith('--')).map(flagIn));
  const kept = options
    .filter(([flag]) => !replaced.has(flag))
    .flatMap(([flag, value]) => (value === null ? [flag] : [`${flag}=${value}`]));
  return [...kept, ...typed, ...(files.length === 0 ? [] : ['--', ...files])];
}

/** Words of a command as they may be printed: its webhook is a secret, and kept by the batch (S8). */
export function withoutWebhook(words: readonly string[]): string[] {
  return words.filter((word, at) => flagIn(word) !== '--notify' && words[at - 1] !== '--notify');
}

/** The same command, to be printed: a query or login in the address of an input may be a secret (S8). */
export function hideSecrets(setup: CommandSetup, typedFiles: readonly string[]): CommandSetup {
  const commandLine = typedFiles
    .filter(hasSecret)
    .reduce(
      (line, file) => line.replaceAll(shellWord(file), shellWord(shownFile(file))),
      setup.commandLine,
    );
  return { ...setup, commandLine };
}

function flagIn(word: string): string {
  return word.split('=', 1)[0] ?? word;
}

/**
 * What is typed to go on with a batch: short, safe to type again when the batch has finished meanwhile, and the same from
 * any folder. Where nothing could be kept, the command as it was typed.
 */
export function continueLine(setup: CommandSetup, { name, command }: BatchMeta): string {
  return command?.kind === 'kept' ? commandFor(setup, ['continue', name]) : setup.commandLine;
}

/** A command of ours, as a shell takes it and as this one was called. */
export function commandFor({ program, typedPrefix }: CommandSetup, words: string[]): string {
  const prefix = typedPrefix === null ? [] : ['--prefix', typedPrefix];
  return [program, ...[...words, ...prefix].map(shellWord)].join(' ');
}
