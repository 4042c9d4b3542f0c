import type { Settings } from '../session/environment.js';
import type { ExitCode } from '../shared/errors.js';
import type { Terminal } from './text/terminal.js';

/** What every command is handed by the entry. */
export interface CommandSetup {
  settings: Settings;
  terminal: Terminal;
  /** How we were called, such as `npx rivya-batch`. */
  program: string;
  /** `--prefix`, where it was typed: whoever steers a batch has to type it again. */
  typedPrefix: string | null;
  /** The command as it was given, to be shown where the same one continues. */
  commandLine: string;
  /** Runs a command's action: its exit code becomes the process'. */
  run(action: () => Promise<ExitCode>): Promise<void>;
}
