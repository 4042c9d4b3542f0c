import { ExitCode } from '../../../shared/errors.js';
import type { CommandSetup } from '../../setup.js';
import { openAgain } from './open-again.js';

/** What becomes of what was decided. */
export interface ApplyFlags {
  yes: boolean;
  /** Template of the names in `approved/`. */
  name?: string;
  as: 'links' | 'copies';
  /** Profile by which approved pictures are made to measure. */
  deliver?: string;
  json: boolean;
}

/**
 * `review DIR --apply`: what is to be made again is opened, and what was approved is handed over. A changed prompt that is
 * left out is told by the exit code as well.
 */
export async function apply(
  setup: CommandSetup,
  folder: string,
  { yes, json }: ApplyFlags,
): Promise<ExitCode> {
  const { terminal } = setup;
  const again = await openAgain(setup, folder, { yes });
  if (again === 'not_wanted') return ExitCode.interrupted;
  if (json) terminal.json({ again: again.result });
  else for (const line of again.lines) terminal.print(line);
  return again.result.left_out.length > 0 ? ExitCode.someDidNotSucceed : ExitCode.succeeded;
}
