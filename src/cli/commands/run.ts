import { type Command, Option } from 'commander';
import { sampleInput } from '../../producer/sample.js';
import { claimOutputFolder } from '../../results/output-folder.js';
import { openOutput } from '../../results/output-places.js';
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
import { inputOf } from '../options/recipe-here.js';
import type { CommandSetup } from '../setup.js';
import { canAsk, confirm } from '../text/agree.js';
import { withSimulator } from '../text/simulate.js';
import type { Terminal } from '../text/terminal.js';
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
    setup.run(async () => {
      const { files, found } = await inputOf(command, typedFiles);
      const recipe: TypedCommand['options'] = found === null ? [] : [['--recipe', found]];
      const given: TypedCommand = { name: 'run', options: [...options(), ...recipe], typedFiles };
      const flags = { ...command.opts<RunFlags>(), given };
      const known = hideSecrets(setup, typedFiles);
      if (found !== null) return runFound(known, { files, found, flags });
      const isOfRecipe = command.getOptionValueSource('out') === 'recipe';
      return run(known, files, flags.simulate && isOfRecipe ? simulated(flags) : flags);
    }),
  );
}

type GivenFlags = RunFlags & { given: TypedCommand };

/** What is simulated of a recipe has a folder of its own: the real run comes after it. */
function simulated(flags: GivenFlags): GivenFlags {
  const given = { ...flags.given, options: withSimulate(flags.given.options) };
  return { ...flags, given, out: `${requireOut(flags)}-simulated`, simulate: true };
}

/**
 * The recipe of this folder, of which nothing was typed. Without a key somebody at a terminal may go on with the simulator;
 * a script is never answered with placeholders.
 */
async function runFound(
  setup: CommandSetup,
  { files, found, flags }: { files: string[]; found: string; flags: GivenFlags },
): Promise<ExitCode> {
  const { terminal, settings, program } = setup;
  terminal.note(`Recipe: ${found}`);
  const isTry =
    flags.simulate || (settings.apiKey === null && canAsk() && (await wantsToSimulate(terminal)));
  if (!isTry) return run(setup, files, flags);
  const code = await run(setup, files, simulated(flags));
  if (code === ExitCode.succeeded) {
    terminal.note(
      `These are placeholders. With a key (RIVYA_API_KEY in a file named .env here), "${program} run" makes the real ones in ${flags.out}, and asks first what they may cost: "${program} check" says it now.`,
    );
  }
  return code;
}

async function wantsToSimulate(terminal: Terminal): Promise<boolean> {
  terminal.note('There is no API key here: RIVYA_API_KEY is not set.');
  return (await confirm('Make placeholders with the simulator, for nothing?')) === 'yes';
}

function withSimulate(options: TypedCommand['options']): TypedCommand['options'] {
  return options.some(([flag]) => flag === '--simulate')
    ? options
    : [...options, ['--simulate', null]];
}

async function run(setup: CommandSetup, files: string[], flags: GivenFlags): Promise<ExitCode> {
  refuseForcedTrial(flags);
  if (!flags.simulate) requireApiKey(setup.settings);
  const webhook = webhookOf(flags, setup.settings);
  const { folder: out } = await openOutput(setup.settings, requireOut(flags));
  const chosen = await chooseBatch(flags.batch, out, files);
  const command = await keepCommand({ ...flags.given, files, batch: chosen.batch, out });
  const job = { ...chosen, out, files, command, webhook, flags };
  if (!flags.simulate) return runFiles(setup, job);
  return withSimulator(setup, chosen.batch, async (inside, kept) => {
    const code = await runFiles(inside, job);
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
    '--trial and --force cannot be used together: the run after the trial would make and pay its briefs once more. To try what has changed, leave out --force.',
  );
}
