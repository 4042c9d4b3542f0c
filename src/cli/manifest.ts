import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { BatchError, ExitCode } from '../shared/errors.js';
import { ManifestFile, type ManifestFormat } from '../shared/manifest-file.js';
import type { CommandSetup } from './command-setup.js';
import { pathOnDisk, twin } from './flags.js';
import { openStoreSession } from './session.js';

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
