import { type Command, Option } from 'commander';
import { sampleInput } from '../../producer/sample.js';
import { openOutput } from '../../results/mirror.js';
import { claimOutputFolder } from '../../results/output-folder.js';
import { requireApiKey } from '../../session/environment.js';
import { tellModelList } from '../../session/model-list.js';
import type { RequestLimits } from '../../session/worker-session.js';
import { BatchError, ExitCode } from '../../shared/errors.js';
import { chooseBatch } from '../options/choose-batch.js';
import { compileFromFlags, rejectedFileIn, reportRejections } from '../options/compile.js';
import {
  addForceFlag,
  addInputFlags,
  addJsonFlag,
  addLogFlag,
  addNotifyFlags,
  addOutFlag,
  addPriorityFlag,
  addRequestFlags,
  amount,
  type ForceFlags,
  type InputFlags,
  inputArgument,
  type LogFlags,
  type NotifyFlags,
  type PriorityFlags,
  requireFiles,
  requireOut,
  twin,
  webhookOf,
  wholeNumber,
} from '../options/flags.js';
import {
  hideSecrets,
  keepCommand,
  recordOptions,
  type TypedCommand,
} from '../options/kept-command.js';
import { applyRecipe } from '../options/recipe.js';
import type { CommandSetup } from '../setup.js';
import { withSimulator } from '../text/simulate.js';
import { runBatch } from './run-batch.js';
import type { RunRequest, SpendingFlags } from './run-request.js';

/** Credits. */
export const usualAskAbove = 100;

interface RunFlags
  extends InputFlags,
    ForceFlags,
    PriorityFlags,
    RequestLimits,
    LogFlags,
    NotifyFlags,
    SpendingFlags {
  out?: string;
  json: boolean;
  wait: boolean;
  simulate: boolean;
  trial?: number;
}

export function addRunCommand(program: Command, setup: CommandSetup): void {
  const command = program.command('run').argument('[file...]', inputArgument);
  addOutFlag(command, 'folder of the results');
  addInputFlags(command);
  addForceFlag(command);
  addNotifyFlags(command);
  addPriorityFlag(command);
  addRequestFlags(command);
  const own = [
    new Option(
      '--trial <n>',
      'only so many briefs, to look at first; spread over models and file',
    ).argParser(wholeNumber(1)),
    new Option('--ask-above <credits>', 'at a terminal, ask first where it may spend more')
      .argParser(amount('from zero on'))
      .default(usualAskAbove),
  ];
  for (const option of own) command.addOption(twin(option));
  const simulate = 'with a simulator in place of the API; no key, no credits, placeholder pictures';
  command.addOption(twin(new Option('--simulate', simulate)).default(false));
  command.option('--no-wait', 'stop with exit code 4 when the account is out of credits');
  addJsonFlag(command);
  addLogFlag(command);
  const options = recordOptions(command);
  command.action((typedFiles: string[]) =>
    setup.run(() => {
      const files = applyRecipe(command, typedFiles);
      const given = { name: 'run', options: options(), typedFiles } as const;
      return run(hideSecrets(setup, typedFiles), files, { ...command.opts<RunFlags>(), given });
    }),
  );
}

type GivenFlags = RunFlags & { given: TypedCommand };

async function run(setup: CommandSetup, given: string[], flags: GivenFlags): Promise<ExitCode> {
  refuseForcedTrial(flags);
  if (!flags.simulate) requireApiKey(setup.settings);
  const webhook = webhookOf(flags, setup.settings);
  const files = requireFiles(given);
  const { folder: out } = await openOutput(setup.settings, requireOut(flags));
  const chosen = await chooseBatch(flags.batch, out, files);
  const command = await keepCommand({ ...flags.given, files, batch: chosen.batch, out });
  const job = { ...chosen, out, files, command, webhook, flags };
  if (!flags.simulate) return runFiles(setup, job);
  return withSimulator(setup, chosen.batch, async (simulated, kept) => {
    const code = await runFiles(simulated, job);
    // Nothing of it is looked at again.
    if (code === ExitCode.succeeded) await kept.forget();
    return code;
  });
}

type Job = Pick<RunRequest, 'batch' | 'otherwise' | 'out' | 'files' | 'command' | 'webhook'> & {
  flags: RunFlags;
};

async function runFiles(setup: CommandSetup, job: Job): Promise<ExitCode> {
  const { settings } = setup;
  const { files, out, batch, flags } = job;
  const list = await tellModelList(settings, setup.terminal);
  const input = await compileFromFlags(files, flags, { settings, list });
  try {
    await claimOutputFolder(out, batch);
    const invalid = flags.skipInvalid ? 'skip' : 'refuse';
    await reportRejections(input, setup.terminal, rejectedFileIn(out), invalid);
    const { trial: size, variants } = flags;
    const trial = size === undefined ? null : { whole: input };
    return await runBatch(setup, {
      ...{ ...job, trial },
      input: size === undefined ? input : await sampleInput(input, { size, variants }),
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
