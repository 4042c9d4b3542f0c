import { readFileSync } from 'node:fs';
import { Argument, Command, Option } from 'commander';
import { depthOf, groupOptions, helpLayout } from './help-layout.js';

/**
 * What there is to tell of a command, as plain data: whoever only asks (for help, or what may be typed next) waits for
 * none of the code that would run it.
 */
export interface CommandTold {
  name: string;
  /** One line in the list of commands. */
  does: string;
  /** The same, and below it what else is to be known. */
  description: string;
  group: string;
  arguments: ArgumentTold[];
  options: OptionTold[];
  commands: CommandTold[];
}

export interface ArgumentTold {
  name: string;
  description: string;
  required: boolean;
  variadic: boolean;
  choices: readonly string[] | null;
}

export interface OptionTold {
  flags: string;
  description: string;
  /** As help shows it; null for none. */
  standard: string | null;
  choices: readonly string[] | null;
  twin: string | null;
  hidden: boolean;
}

export function tellCommand(command: Command): CommandTold {
  return {
    name: command.name(),
    does: command.summary() || command.description(),
    description: command.description(),
    group: command.helpGroup(),
    arguments: command.registeredArguments.map((argument) => ({
      name: argument.name(),
      description: argument.description,
      required: argument.required,
      variadic: argument.variadic,
      choices: argument.argChoices ?? null,
    })),
    options: command.options.map(tellOption),
    commands: command.commands.map(tellCommand),
  };
}

function tellOption(option: Option): OptionTold {
  const standard: unknown = option.defaultValueDescription ?? option.defaultValue;
  return {
    flags: option.flags,
    description: option.description,
    standard: standard === undefined || standard === false ? null : String(standard),
    choices: option.argChoices ?? null,
    twin: option.envVar ?? null,
    hidden: option.hidden,
  };
}

/** The program without its commands. */
export function newProgram(typed: readonly string[]): Command {
  return new Command('rivya-batch')
    .usage('COMMAND [options]')
    .description(programDescription)
    .version(version())
    .exitOverride()
    .configureHelp(helpLayout(depthOf(typed)));
}

const programDescription = `Batch generation with the Rivya API: every brief is paid once.

Environment: RIVYA_API_KEY, RIVYA_BASE_URL, REDIS_URL (without it a private
Redis is started), RIVYA_BATCH_HOME, HTTPS_PROXY. Options have a twin, such as
RIVYA_BATCH_RATE for --rate; those that pay again or skip a question have none.
A file .env is read. RIVYA_API_KEY_FILE, REDIS_URL_FILE, MONITOR_PASSWORD_FILE
and RIVYA_BATCH_HOOKS_PATH_FILE name files that hold these.

Exit codes: 0 all succeeded, 1 unexpected error, 2 bad usage or input (nothing
spent), 3 finished but some did not succeed, 4 stopped with work left,
130 interrupted, or not wanted when it asked (the same command continues).`;

function version(): string {
  const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** All commands as the build has written them down; null where they are not written down, as in sources. */
export function readToldCommands(): CommandTold[] | null {
  try {
    const text = readFileSync(new URL('../commands.json', import.meta.url), 'utf8');
    return JSON.parse(text) as CommandTold[];
  } catch {
    return null;
  }
}

/**
 * Answers what asks for help, and says whether it was that. A word that looks like a question may be an option's value:
 * then nothing is said, and the command is to be run.
 * @throws CommanderError once help is printed, as commander ends with it
 */
export function answerHelp(told: readonly CommandTold[], typed: readonly string[]): void {
  // What is no question, or a wrong one, is told by whoever runs it.
  const program = newProgram(typed).configureOutput({ writeErr: () => undefined });
  for (const command of told) addTold(program, command);
  program.parse([...typed], { from: 'user' });
}

function addTold(parent: Command, told: CommandTold): void {
  const command = parent.command(told.name).summary(told.does).description(told.description);
  command.helpGroup(told.group).allowUnknownOption().allowExcessArguments();
  for (const { name, description, required, variadic } of told.arguments) {
    const written = `${name}${variadic ? '...' : ''}`;
    const argument = new Argument(required ? `<${written}>` : `[${written}]`, description);
    command.addArgument(argument);
  }
  for (const { flags, description, standard, choices, twin, hidden } of told.options) {
    const option = new Option(flags, description).hideHelp(hidden);
    if (standard !== null) option.default(undefined, standard);
    if (choices !== null) option.argChoices = [...choices];
    // Shown, and not read: whatever it holds is the command's to judge.
    if (twin !== null) option.envVar = twin;
    command.addOption(option);
  }
  for (const below of told.commands) addTold(command, below);
  if (told.commands.length === 0) command.action(() => undefined);
  if (parent.parent === null) groupOptions(command);
}
