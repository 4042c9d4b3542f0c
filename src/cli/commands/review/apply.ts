import type { DeliveryKind } from '../../../review/deliver/deliver-approved.js';
import { parseProfile } from '../../../review/deliver/profile.js';
import { ExitCode } from '../../../shared/errors.js';
import type { CommandSetup } from '../../setup.js';
import { handOver, printDelivery } from './hand-over.js';
import { openAgain } from './open-again.js';

/** What becomes of what was decided. */
export interface ApplyFlags {
  yes: boolean;
  /** Template of the names in `approved/`. */
  name?: string;
  as: DeliveryKind;
  /** Profile by which approved pictures are made to measure. */
  deliver?: string;
  json: boolean;
}

/**
 * `review DIR --apply`: what was approved is handed over, and what is to be made again is opened. The first costs nothing,
 * so whoever declines the price of the second has it all the same. What is left out of either is told by the exit code, too.
 */
export async function apply(
  setup: CommandSetup,
  folder: string,
  { yes, name, as, deliver, json }: ApplyFlags,
): Promise<ExitCode> {
  const { terminal } = setup;
  const profile = deliver === undefined ? null : parseProfile(deliver);
  const delivered = await handOver(setup, folder, { name: name ?? null, as, profile });
  if (!json) printDelivery(terminal, delivered);
  const again = await openAgain(setup, folder, { yes });
  if (again === 'not_wanted') {
    if (json) terminal.json({ delivered, again: null });
    return ExitCode.interrupted;
  }
  if (json) terminal.json({ delivered, again: again.result });
  else for (const line of again.lines) terminal.print(line);
  const leftOut = delivered.not_delivered.count + again.result.left_out.length;
  return leftOut > 0 ? ExitCode.someDidNotSucceed : ExitCode.succeeded;
}
