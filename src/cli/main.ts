#!/usr/bin/env node
import { CommanderError } from 'commander';
import { answerHelp, readToldCommands } from './help/told-commands.js';

const typed = process.argv.slice(2);

/** A question is answered before anything is loaded that would run a command. */
async function main(): Promise<number> {
  if (typed[0] === '__complete') {
    const { complete } = await import('./completion/complete.js');
    await complete(typed.slice(1));
    return 0;
  }
  const told = asksForHelp() ? readToldCommands() : null;
  if (told !== null) {
    try {
      answerHelp(told, typed);
    } catch (error) {
      if (!(error instanceof CommanderError)) throw error;
      if (error.exitCode === 0) return 0;
    }
  }
  const { runCommand } = await import('./run-command.js');
  return runCommand(typed);
}

function asksForHelp(): boolean {
  return typed[0] === 'help' || typed.some((word) => /^(-h|--help|-V|--version)$/.test(word));
}

const exitCode = await main();
// Output to a pipe may still be under way: the code is set, and the process ends when nothing is left to do.
process.exitCode = exitCode;
