import { type Command, Option } from 'commander';
import { checkPrefix } from '../session/environment.js';
import { checkFolderFormat } from '../shared/state-format.js';
import { groupOptions } from './help/help-layout.js';
import { newProgram } from './help/told-commands.js';
import type { CommandSetup } from './setup.js';
import { wrapProse } from './text/terminal.js';

type AddCommand = (program: Command, setup: CommandSetup) => void;

interface Listed {
  /** As the list of commands has it. */
  does: string;
  group: CommandGroup;
  load(): Promise<AddCommand>;
}

type CommandGroup = 'Make:' | 'See and steer:' | 'Results:' | 'By itself:' | 'Look things up:';

/** In the order of the help; only the one that is asked for is loaded. */
const commands: Readonly<Record<string, Listed>> = {
  init: {
    does: 'look at a table, and write a recipe for it: a few questions, or none',
    group: 'Make:',
    load: async () => (await import('./commands/init.js')).addInitCommand,
  },
  run: {
    does: 'the whole job: check, submit, watch, download, write the manifest',
    group: 'Make:',
    load: async () => (await import('./commands/run.js')).addRunCommand,
  },
  check: {
    does: 'check the input and estimate what it costs; nothing is sent or spent',
    group: 'Make:',
    load: async () => (await import('./commands/check.js')).addCheckCommand,
  },
  enqueue: {
    does: 'the producer alone: check the input and queue it for workers',
    group: 'Make:',
    load: async () => (await import('./commands/enqueue.js')).addEnqueueCommand,
  },
  continue: {
    does: "a batch's own command again, with its options, from any folder",
    group: 'Make:',
    load: async () => (await import('./commands/continue.js')).addContinueCommand,
  },
  status: {
    does: 'all batches, or one',
    group: 'See and steer:',
    load: async () => (await import('./commands/status.js')).addStatusCommand,
  },
  pause: {
    does: 'submit nothing more of a batch for now; what is submitted is collected',
    group: 'See and steer:',
    load: async () => (await import('./commands/steer.js')).addPauseCommand,
  },
  resume: {
    does: 'submit again what "pause" held back',
    group: 'See and steer:',
    load: async () => (await import('./commands/steer.js')).addResumeCommand,
  },
  cancel: {
    does: 'end a batch: what was not submitted gets a line "cancelled"',
    group: 'See and steer:',
    load: async () => (await import('./commands/steer.js')).addCancelCommand,
  },
  retry: {
    does: 'a new attempt for what did not succeed, after telling its price',
    group: 'See and steer:',
    load: async () => (await import('./commands/retry.js')).addRetryCommand,
  },
  forget: {
    does: 'delete what Redis has of finished batches; their files stay',
    group: 'See and steer:',
    load: async () => (await import('./commands/forget.js')).addForgetCommand,
  },
  prune: {
    does: 'delete what Redis has of old batches, and files that nobody needs',
    group: 'See and steer:',
    load: async () => (await import('./commands/prune.js')).addPruneCommand,
  },
  manifest: {
    does: "print a batch's manifest in input order",
    group: 'Results:',
    load: async () => (await import('./commands/export.js')).addManifestCommand,
  },
  sheet: {
    does: 'write the review page of a folder as one file: contact-sheet.html',
    group: 'Results:',
    load: async () => (await import('./commands/export.js')).addSheetCommand,
  },
  review: {
    does: 'look at results, decide on them, and hand them over',
    group: 'Results:',
    load: async () => (await import('./commands/review/review.js')).addReviewCommand,
  },
  verify: {
    does: 'prove from the folder alone that all results are there and whole',
    group: 'Results:',
    load: async () => (await import('./commands/verify.js')).addVerifyCommand,
  },
  costs: {
    does: 'what batches have cost: by batch, run, model, output or column',
    group: 'Results:',
    load: async () => (await import('./commands/costs.js')).addCostsCommand,
  },
  worker: {
    does: 'a long-running worker for all open batches of its key',
    group: 'By itself:',
    load: async () => (await import('./commands/worker.js')).addWorkerCommand,
  },
  schedule: {
    does: 'batches by the clock; they run wherever a worker runs',
    group: 'By itself:',
    load: async () => (await import('./commands/schedule.js')).addScheduleCommand,
  },
  monitor: {
    does: 'batches, briefs, schedules and metrics in the browser',
    group: 'By itself:',
    load: async () => (await import('./commands/monitor.js')).addMonitorCommand,
  },
  webhooks: {
    does: 'where Rivya tells of tasks that are over, for worker --hooks-port',
    group: 'By itself:',
    load: async () => (await import('./commands/webhooks.js')).addWebhooksCommand,
  },
  models: {
    does: 'the models that can be used, or all that is known of one',
    group: 'Look things up:',
    load: async () => (await import('./commands/models.js')).addModelsCommand,
  },
  credits: {
    does: 'how many credits the account has',
    group: 'Look things up:',
    load: async () => (await import('./commands/credits.js')).addCreditsCommand,
  },
  doctor: {
    does: 'look whether everything is in order',
    group: 'Look things up:',
    load: async () => (await import('./commands/doctor.js')).addDoctorCommand,
  },
  completion: {
    does: 'print what makes a shell complete commands, options and names: bash, zsh, fish',
    group: 'Look things up:',
    load: async () => (await import('./commands/completion.js')).addCompletionCommand,
  },
  simulator: {
    does: 'a stand-in for the Rivya API with a bill of its own, for trying things out',
    group: 'Look things up:',
    load: async () => (await import('./commands/simulator.js')).addSimulatorCommand,
  },
};

/**
 * Puts the command line together.
 * @param typed what stands behind the program's name; `all`: every command, as if each were asked for
 */
export async function createProgram(
  setup: CommandSetup,
  typed: readonly string[] | 'all',
): Promise<Command> {
  const program = newProgram(typed === 'all' ? [] : typed)
    .configureOutput({
      outputError: (text, write) => {
        const plain = plainRefusal(text);
        write(wrapProse(plain, process.stderr.columns ?? plain.length));
      },
    })
    .showHelpAfterError('(rivya-batch COMMAND --help shows how)');
  const wanted = typed === 'all' ? Object.keys(commands) : wantedOf(typed);
  if (wanted.length === 0) listCommands(program);
  for (const name of wanted) {
    const listed = commands[name];
    if (listed === undefined) continue;
    (await listed.load())(program, setup);
    const command = program.commands.at(-1);
    const notes = command?.description();
    command
      ?.summary(listed.does)
      .description([listed.does, ...(notes ? [notes] : [])].join('\n\n'))
      .helpGroup(listed.group);
  }
  addPrefix(program, setup);
  for (const command of program.commands) groupOptions(command);
  return program;
}

/** Commander's refusals of a value, whose second sentence is ours, in the words of the others. */
function plainRefusal(text: string): string {
  return text
    .replace(
      /^error: option '(\S+).*?' argument '(.*?)' is invalid\./s,
      "error: $1 cannot be '$2'.",
    )
    .replace(
      /^error: option '(\S+).*?' value '(.*?)' from env '(\w+)' is invalid\./s,
      "error: $3 (for $1) cannot be '$2'.",
    )
    .replace(
      /^error: command-argument value '(.*?)' is invalid for argument '(.*?)'\./s,
      "error: $2 cannot be '$1'.",
    );
}

/** The command of a line, also behind `help`; none where there is none of that name. */
function wantedOf(typed: readonly string[]): string[] {
  const name = typed.find((word) => word !== 'help' && !word.startsWith('-'));
  return name !== undefined && Object.hasOwn(commands, name) ? [name] : [];
}

/** For the help alone, and for whoever mistypes a name: none of them can be run. */
function listCommands(program: Command): void {
  for (const [name, { does, group }] of Object.entries(commands)) {
    program.command(name).description(does).helpGroup(group);
  }
}

/** They know files and the API, and no Redis. */
const withoutRedis = new Set([
  'completion',
  'init',
  'check',
  'verify',
  'manifest',
  'sheet',
  'costs',
  'models',
  'credits',
  'webhooks',
  'simulator',
]);

/** Several installations may share one Redis. */
function addPrefix(program: Command, setup: CommandSetup): void {
  for (const command of program.commands) {
    if (withoutRedis.has(command.name())) continue;
    const leaves = command.commands.length > 0 ? command.commands : [command];
    for (const leaf of leaves) {
      const text = 'stands in front of all keys in Redis';
      leaf.addOption(new Option('--prefix <name>', text).env('RIVYA_BATCH_PREFIX'));
    }
  }
  program.hook('preAction', async (_program, command) => {
    await checkFolderFormat(setup.settings.home);
    const { prefix } = command.opts<{ prefix?: string }>();
    if (prefix === undefined) return;
    setup.settings.prefix = checkPrefix(prefix);
    if (command.getOptionValueSource('prefix') === 'cli') setup.typedPrefix = prefix;
  });
}
