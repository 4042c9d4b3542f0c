import { stat } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { writeContactSheet } from '../../results/contact-sheet.js';
import { ManifestFile, type ManifestFormat } from '../../results/manifest.js';
import { ownerOf } from '../../results/output-folder.js';
import { BatchError, ExitCode } from '../../shared/errors.js';
import { pathOnDisk, twin } from '../options/flags.js';
import { type CommandSetup, openStoreSession } from '../setup.js';

export function addManifestCommand(program: Command, setup: CommandSetup): void {
  program
    .command('manifest')
    .description("print a batch's manifest in input order")
    .argument('<batch or folder>', undefined, pathOnDisk)
    .addOption(
      twin(
        new Option('--format <format>', 'shape in which it is printed')
          .choices(['jsonl', 'csv', 'json'])
          .default('jsonl'),
      ),
    )
    .action((what: string, flags: { format: ManifestFormat }) =>
      setup.run(async () => {
        const path = await manifestPath(setup, what);
        const manifest = await ManifestFile.read(path);
        for await (const text of manifest.export(flags.format)) await setup.terminal.pipe(text);
        return ExitCode.succeeded;
      }),
    );
}

/** A folder needs no Redis; a batch's name is looked up there. */
async function manifestPath(setup: CommandSetup, what: string): Promise<string> {
  const inFolder = join(what, 'manifest.jsonl');
  if (await exists(inFolder)) return inFolder;
  if (await exists(what)) {
    throw new BatchError('bad_input', `There is no manifest.jsonl in ${what}.`);
  }
  const session = await openStoreSession(setup.settings, setup.terminal);
  try {
    const { meta } = await session.findBatch(what);
    return join(meta.out, 'manifest.jsonl');
  } finally {
    await session.close();
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

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
