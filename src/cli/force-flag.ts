import { type Command, Option } from 'commander';
import { addYesFlag, twin } from './flags.js';

/** Options of the commands that make a batch go on with an input: `run`, `enqueue`. */
export interface ForceFlags {
  force: boolean;
  /** Given by `continue`: a run that makes everything anew and was cut off is gone on with, and none is begun. */
  continues?: boolean;
  yes: boolean;
}

export function addForceFlag(command: Command): Command {
  const text = 'make every brief of the input anew, unchanged ones too; each is paid again';
  command.addOption(twin(new Option('--force', text)).default(false));
  return addYesFlag(command);
}
