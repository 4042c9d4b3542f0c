import { resolve } from 'node:path';
import { verdicts } from '../../../results/decisions.js';
import {
  type LeftOut,
  type LeftOutBecause,
  type TakenDecisions,
  takeDecisions,
  takenOf,
} from '../../../results/take-decisions.js';
import { ExitCode } from '../../../shared/errors.js';
import { counted, grouped, quoteName } from '../../../shared/quantities.js';
import type { CommandSetup } from '../../setup.js';
import { hangingLines, type Terminal } from '../../text/terminal.js';

/** `review DIR --take FILE`: the decisions of a file come into the folder. */
export async function take(
  { terminal }: CommandSetup,
  folder: string,
  { take: file, json }: { take: string; json: boolean },
): Promise<ExitCode> {
  const result = await takeDecisions(folder, resolve(file));
  if (json) terminal.json(result);
  else printTaken(terminal, result);
  return ExitCode.succeeded;
}

function printTaken(terminal: Terminal, result: TakenDecisions): void {
  const { taken, known, left_out: all } = result;
  const count = takenOf(result);
  const kinds = takenWords(taken);
  const before = known === 0 ? '' : `; there already: ${grouped(known)}`;
  terminal.print(
    `${counted(count, 'decision')} taken${count === 0 ? '' : ` (${kinds})`}${before}.`,
  );
  for (const because of Object.keys(headOf) as LeftOutBecause[]) {
    const leftOut = all[because];
    if (leftOut !== undefined) tellLeftOut(terminal, headOf[because], leftOut);
  }
}

/** `2 approved, 0 rejected, 1 again`; what was taken back only where something was. */
export function takenWords(taken: TakenDecisions['taken']): string {
  const kinds = verdicts.map((verdict) => `${grouped(taken[verdict])} ${verdict}`);
  if (taken.undecided > 0) kinds.push(`${grouped(taken.undecided)} taken back`);
  return kinds.join(', ');
}

const headOf: Readonly<Record<LeftOutBecause, string>> = {
  unknown_brief: 'of briefs that this batch does not have',
  other_attempt: 'about another attempt',
  other_file: 'about another file',
  unreadable: 'that cannot be read',
};

function tellLeftOut(terminal: Terminal, head: string, { count, first }: LeftOut): void {
  terminal.warn(`Left out: ${counted(count, 'decision')} ${head}.`);
  for (const { row, brief_id: brief, reason } of first) {
    const named = brief === null ? '' : ` ${quoteName(brief)}:`;
    const lines = hangingLines('  ', `line ${row}:${named} ${reason}`, terminal.width);
    for (const line of lines) terminal.note(line);
  }
  if (count > first.length) terminal.note(`  and ${grouped(count - first.length)} more`);
}
