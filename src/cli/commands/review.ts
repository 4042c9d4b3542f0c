import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { verdicts } from '../../results/decisions.js';
import { ownerOf } from '../../results/output-folder.js';
import {
  type LeftOut,
  type LeftOutBecause,
  type TakenDecisions,
  takeDecisions,
} from '../../results/take-decisions.js';
import { BatchError, ExitCode } from '../../shared/errors.js';
import { counted, grouped, quoteName } from '../../shared/quantities.js';
import { addJsonFlag, pathOnDisk } from '../options/flags.js';
import type { CommandSetup } from '../setup.js';
import { hangingLines, type Terminal } from '../text/terminal.js';

export function addReviewCommand(program: Command, setup: CommandSetup): void {
  const command = program
    .command('review')
    .argument('<folder>', 'what --out named', pathOnDisk)
    // Without an environment twin: a file is taken when somebody says so.
    .addOption(
      new Option('--take <file>', 'take over the decisions of a file').argParser(pathOnDisk),
    );
  addJsonFlag(command);
  command.action((folder: string, flags: { take?: string; json: boolean }) =>
    setup.run(() => review(setup, resolve(folder), flags)),
  );
}

async function review(
  { terminal, program }: CommandSetup,
  folder: string,
  { take, json }: { take?: string; json: boolean },
): Promise<ExitCode> {
  if (take === undefined) {
    throw new BatchError(
      'usage',
      `Name a file of decisions: --take FILE. There is no page to review on yet; "${program} sheet ${folder}" makes one to look at.`,
    );
  }
  if ((await ownerOf(folder)) === null) {
    throw new BatchError('usage', `There are no results of a batch in ${folder}.`);
  }
  const result = await takeDecisions(folder, resolve(take));
  if (json) terminal.json(result);
  else printTaken(terminal, result);
  return ExitCode.succeeded;
}

function printTaken(terminal: Terminal, { taken, known, left_out: all }: TakenDecisions): void {
  const count = verdicts.reduce((sum, verdict) => sum + taken[verdict], 0);
  const kinds = verdicts.map((verdict) => `${grouped(taken[verdict])} ${verdict}`).join(', ');
  const before = known === 0 ? '' : `; ${grouped(known)} were there already`;
  terminal.print(
    `${counted(count, 'decision')} taken${count === 0 ? '' : ` (${kinds})`}${before}.`,
  );
  for (const because of Object.keys(headOf) as LeftOutBecause[]) {
    const leftOut = all[because];
    if (leftOut !== undefined) tellLeftOut(terminal, headOf[because], leftOut);
  }
}

const headOf: Readonly<Record<LeftOutBecause, string>> = {
  unknown_brief: 'of briefs that have no line here',
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
