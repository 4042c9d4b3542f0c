import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { sampleInput } from '../producer/sample-input.js';
import { batchNameFromFile, checkBatchName } from '../shared/batch-name.js';
import { BatchError, type ExitCode } from '../shared/errors.js';
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
  twin,
} from './flags.js';
import { addForceFlag, type ForceFlags } from './force-flag.js';
import { tellModelList } from './model-list.js';
import { amount, wholeNumber } from './parse-number.js';
import { applyRecipe } from './recipe/apply-recipe.js';
import { requireFiles, requireOut } from './required.js';
import { runBatch } from './run-batch.js';
import type { SpendingFlags } from './run-request.js';

interface RunFlags extends InputFlags, ForceFlags, RequestFlags, LogFlags, SpendingFlags {
  out?: string;
  json: boolean;
  wait: boolean;
  trial?: number;
}

export function addRunCommand(program: Command, setup: CommandSetup): void {
  const command = program
    .command('run')
    .description('the whole job: check, submit, watch, download, write the manifest')
    .argument('[file...]', 'CSV, TSV, JSON or JSON Lines; - is stdin');
  addOutFlag(command, 'folder of the results');
  addInputFlags(command);
  addForceFlag(command);
  addRequestFlags(command);
  const options = [
    new Option(
      '--trial <n>',
      'only so many briefs, spread over models and file, to look at first',
    ).argParser(wholeNumber(1)),
    new Option('--ask-above <credits>', 'at a terminal, ask first where it may spend more')
      .argParser(amount('from zero on'))
      .default(100),
  ];
  for (const option of options) command.addOption(twin(option));
  command.option('--no-wait', 'stop with exit code 4 when the account is out of credits');
  addJsonFlag(command);
  addLogFlag(command);
  command.action((files: string[]) =>
    setup.run(() => run(setup, applyRecipe(command, files), command.opts())),
  );
}

async function run(setup: CommandSetup, given: string[], flags: RunFlags): Promise<ExitCode> {
  const { settings } = setup;
  refuseForcedTrial(flags);
  requireApiKey(settings);
  const files = requireFiles(given);
  const out = resolve(requireOut(flags));
  const batch = flags.batch ? checkBatchName(flags.batch) : batchNameFromFile(files[0] ?? '-');
  const list = await tellModelList(settings, setup.terminal);
  const input = await compileFromFlags(files, flags, { settings, list });
  try {
    await claimOutputFolder(out, batch);
    await reportRejections(input, {
      terminal: setup.terminal,
      rejectedFile: rejectedFileIn(out),
      skipInvalid: flags.skipInvalid ? 'skip' : 'refuse',
    });
    const { trial: size, variants } = flags;
    const trial = size === undefined ? null : { whole: input };
    return await runBatch(setup, {
      ...{ batch, out, files, flags, trial },
      input: size === undefined ? input : sampleInput(input, { size, variants }),
      models: list.models,
    });
  } finally {
    await input.dispose();
  }
}

/** The run after it would not know the trial's share of what it is to make anew, and pay for that again (S1). */
function refuseForcedTrial({ trial, force }: RunFlags): void {
  if (trial === undefined || !force) return;
  throw new BatchError(
    'usage',
    '--trial and --force do not go together: the run after the trial would make its briefs once more, and pay for them again. What has changed is tried without --force.',
  );
}
