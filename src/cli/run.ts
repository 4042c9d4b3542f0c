import { resolve } from 'node:path';
import type { Command } from 'commander';
import { batchNameFromFile, checkBatchName } from '../shared/batch-name.js';
import type { ExitCode } from '../shared/errors.js';
import { claimOutputFolder } from '../shared/output-folder.js';
import type { CommandSetup } from './command-setup.js';
import { compileFromFlags, rejectedFileIn, reportRejections } from './compile.js';
import { requireApiKey } from './environment.js';
import {
  addInputFlags,
  addJsonFlag,
  addLogFlag,
  addOutFlag,
  addRequestFlags,
  type InputFlags,
  type LogFlags,
  type RequestFlags,
} from './flags.js';
import { runBatch } from './run-batch.js';

interface RunFlags extends InputFlags, RequestFlags, LogFlags {
  out: string;
  json: boolean;
  wait: boolean;
}

export function addRunCommand(program: Command, setup: CommandSetup): void {
  const command = program
    .command('run')
    .description('the whole job: check, submit, watch, download, write the manifest')
    .argument('<file...>', 'CSV, TSV, JSON or JSON Lines; - is stdin');
  addOutFlag(command, 'folder of the results', 'needed');
  addInputFlags(command);
  addRequestFlags(command);
  command.option('--no-wait', 'stop with exit code 4 when the account is out of credits');
  addJsonFlag(command);
  addLogFlag(command);
  command.action((files: string[], flags: RunFlags) => setup.run(() => run(setup, files, flags)));
}

async function run(setup: CommandSetup, files: string[], flags: RunFlags): Promise<ExitCode> {
  const { settings } = setup;
  requireApiKey(settings);
  const out = resolve(flags.out);
  const batch = flags.batch ? checkBatchName(flags.batch) : batchNameFromFile(files[0] ?? '-');
  const input = await compileFromFlags(files, flags, setup.settings);
  try {
    await claimOutputFolder(out, batch);
    await reportRejections(input, {
      terminal: setup.terminal,
      rejectedFile: rejectedFileIn(out),
      skipInvalid: flags.skipInvalid ? 'skip' : 'refuse',
    });
    return await runBatch(setup, { input, batch, out, files, flags });
  } finally {
    await input.dispose();
  }
}
