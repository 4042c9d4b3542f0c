import { relative, resolve } from 'node:path';
import type { Command } from 'commander';
import { BatchError, ExitCode } from '../shared/errors.js';
import { ownerOf } from '../shared/output-folder.js';
import type { CommandSetup } from './command-setup.js';
import { writeContactSheet } from './contact-sheet.js';
import { pathOnDisk } from './flags.js';

export function addSheetCommand(program: Command, setup: CommandSetup): void {
  program
    .command('sheet')
    .description('write a page that shows the results of a folder: contact-sheet.html')
    .argument('<folder>', 'what --out named', pathOnDisk)
    .action((folder: string) => setup.run(() => sheet(setup, resolve(folder))));
}

async function sheet({ terminal }: CommandSetup, folder: string): Promise<ExitCode> {
  if ((await ownerOf(folder)) === null) {
    throw new BatchError('usage', `There are no results of a batch in ${folder}.`);
  }
  const path = await writeContactSheet(folder);
  terminal.print(relative(process.cwd(), path));
  return ExitCode.succeeded;
}
