import { relative } from 'node:path';
import { type Command, Option } from 'commander';
import { ManifestFile, type ManifestFormat } from '../../results/manifest.js';
import { requireResults } from '../../results/output-folder.js';
import { openOutput } from '../../results/output-places.js';
import { writeSheet } from '../../review/write-sheet.js';
import { ExitCode } from '../../shared/errors.js';
import { grouped } from '../../shared/quantities.js';
import { folderOfResults } from '../options/choose-batch.js';
import { placeOfResults, twin } from '../options/flags.js';
import type { CommandSetup } from '../setup.js';

export function addManifestCommand(program: Command, setup: CommandSetup): void {
  program
    .command('manifest')
    .argument('<batch or folder>', undefined, placeOfResults)
    .addOption(
      twin(
        new Option('--format <format>', 'shape in which it is printed')
          .choices(['jsonl', 'csv', 'json'])
          .default('jsonl'),
      ),
    )
    .action((what: string, flags: { format: ManifestFormat }) =>
      setup.run(async () => {
        const manifest = await ManifestFile.read(await folderOfResults(setup, what));
        for await (const text of manifest.export(flags.format)) await setup.terminal.pipe(text);
        return ExitCode.succeeded;
      }),
    );
}

export function addSheetCommand(program: Command, setup: CommandSetup): void {
  program
    .command('sheet')
    .argument('<folder>', 'what --out named', placeOfResults)
    .action((folder: string) =>
      setup.run(async () => sheet(setup, (await openOutput(setup.settings, folder)).folder)),
    );
}

async function sheet({ terminal }: CommandSetup, folder: string): Promise<ExitCode> {
  await requireResults(folder);
  const { path, pages } = await writeSheet(folder, {
    onThumbnails: ({ made }) => {
      if (made > 0) terminal.progress(`${grouped(made)} pictures made small`);
    },
  });
  terminal.progress('');
  terminal.print(relative(process.cwd(), path));
  if (pages > 1) terminal.note(`${grouped(pages - 1)} more pages follow; they are linked.`);
  return ExitCode.succeeded;
}
