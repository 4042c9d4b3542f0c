import { CommanderError } from 'commander';
import { redactSecrets } from '../rivya/transport-failure.js';
import {
  prepareEnvironment,
  programName,
  readSettings,
  uselessTwins,
} from '../session/environment.js';
import { BatchError, ExitCode, exitCodeOf } from '../shared/errors.js';
import { shellWord } from '../shared/quantities.js';
import { withoutWebhook } from './options/kept-command.js';
import { createProgram } from './program.js';
import type { CommandSetup } from './setup.js';
import { openTerminal, type Terminal } from './text/terminal.js';

/** Runs what was typed: the one place that prints an error and decides the exit code. */
export async function runCommand(typed: readonly string[]): Promise<ExitCode> {
  const terminal = openTerminal();
  let code: ExitCode = ExitCode.succeeded;
  try {
    prepareEnvironment();
    for (const sentence of uselessTwins()) terminal.warn(sentence);
    const program = programName();
    const setup: CommandSetup = {
      settings: readSettings(),
      terminal,
      program,
      typedPrefix: null,
      commandLine: [program, ...withoutWebhook(typed).map(shellWord)].join(' '),
      run: async (action) => {
        code = await action();
      },
    };
    const commands = await createProgram(setup, typed);
    await commands.parseAsync([...typed], { from: 'user' });
    return code;
  } catch (error) {
    terminal.progress('');
    return explain(terminal, error);
  }
}

async function explain(terminal: Terminal, error: unknown): Promise<ExitCode> {
  if (error instanceof CommanderError) {
    // Commander has printed what there is to say.
    return error.exitCode === 0 ? ExitCode.succeeded : ExitCode.badInput;
  }
  const known = error instanceof BatchError ? error : await explainReply(error);
  if (known) {
    terminal.warn(known.message);
    return exitCodeOf(known);
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  terminal.warn(`Unexpected error, please report it:\n${redactSecrets(text)}`);
  return ExitCode.unexpected;
}

/** Most commands that end with an error have said why themselves: a client of Redis is not loaded for that. */
async function explainReply(error: unknown): Promise<BatchError | null> {
  return (await import('../store/reach-redis.js')).explainReply(error);
}
