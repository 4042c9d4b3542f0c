import { readFileSync } from 'node:fs';
import { Command, Help, Option } from 'commander';
import { checkPrefix } from '../session/environment.js';
import { checkFolderFormat } from '../shared/state-format.js';
import type { CommandSetup } from './setup.js';
import { wrapProse } from './text/terminal.js';

type AddCommand = (program: Command, setup: CommandSetup) => void;

interface Listed {
  /** As the list of commands has it. */
  does: string;
  /** What may follow the name; the list of commands is shown without loading any of them. */
  takes: string;
  load(): Promise<AddCommand>;
}

/** In the order of the help; only the one that is asked for is loaded. */
const commands: Readonly<Record<string, Listed>> = {
  run: {
    does: 'the whole job: check, submit, watch, download, write the manifest',
    takes: '[options] [file...]',
    load: async () => (await import('./commands/run.js')).addRunCommand,
  },
  check: {
    does: 'check the input and estimate what it costs; nothing is sent or spent',
    takes: '[options] [file...]',
    load: async () => (await import('./commands/check.js')).addCheckCommand,
  },
  enqueue: {
    does: 'the producer alone: check the input and queue it for workers',
    takes: '[options] [file...]',
    load: async () => (await import('./commands/enqueue.js')).addEnqueueCommand,
  },
  continue: {
    does: "the batch's own command again, with the options it had, from any folder",
    takes: '[options] <batch> [options...]',
    load: async () => (await import('./commands/continue.js')).addContinueCommand,
  },
  worker: {
    does: 'a long-running worker for all open batches of its key',
    takes: '[options]',
    load: async () => (await import('./commands/worker.js')).addWorkerCommand,
  },
  status: {
    does: 'all batches, or one',
    takes: '[options] [batch]',
    load: async () => (await import('./commands/status.js')).addStatusCommand,
  },
  pause: {
    does: 'submit nothing more of a batch for now; what is submitted is collected',
    takes: '[options] <batch>',
    load: async () => (await import('./commands/steer.js')).addPauseCommand,
  },
  resume: {
    does: 'submit again what "pause" held back',
    takes: '[options] <batch>',
    load: async () => (await import('./commands/steer.js')).addResumeCommand,
  },
  cancel: {
    does: 'end a batch: what was not submitted gets a line "cancelled"',
    takes: '[options] <batch>',
    load: async () => (await import('./commands/steer.js')).addCancelCommand,
  },
  retry: {
    does: 'a new attempt for briefs that did not succeed, after saying what it may cost',
    takes: '[options] <batch>',
    load: async () => (await import('./commands/retry.js')).addRetryCommand,
  },
  manifest: {
    does: "print a batch's manifest in input order",
    takes: '[options] <batch or folder>',
    load: async () => (await import('./commands/export.js')).addManifestCommand,
  },
  sheet: {
    does: 'write the review page of a folder as a file that works from disk: contact-sheet.html',
    takes: '<folder>',
    load: async () => (await import('./commands/export.js')).addSheetCommand,
  },
  review: {
    does: 'a page to look at results and decide on them; take decisions over, and apply them',
    takes: '[options] <folder>',
    load: async () => (await import('./commands/review/review.js')).addReviewCommand,
  },
  verify: {
    does: 'prove from the folder alone that all results are there, whole and counted',
    takes: '[options] <folder>',
    load: async () => (await import('./commands/verify.js')).addVerifyCommand,
  },
  costs: {
    does: 'what batches have cost: by batch, run, model, output or a column',
    takes: '[options] <batch or folder...>',
    load: async () => (await import('./commands/costs.js')).addCostsCommand,
  },
  forget: {
    does: 'delete what Redis has of finished batches; their files stay',
    takes: '[options] <batch...>',
    load: async () => (await import('./commands/forget.js')).addForgetCommand,
  },
  prune: {
    does: 'clear away finished batches: what Redis has of them, and files that nobody needs',
    takes: '[options] [batch or folder...]',
    load: async () => (await import('./commands/prune.js')).addPruneCommand,
  },
  schedule: {
    does: 'batches by the clock; they run wherever a worker runs',
    takes: '',
    load: async () => (await import('./commands/schedule.js')).addScheduleCommand,
  },
  monitor: {
    does: 'batches, briefs, schedules, queues and metrics in the browser, behind a login',
    takes: '[options]',
    load: async () => (await import('./commands/monitor.js')).addMonitorCommand,
  },
  models: {
    does: 'the models that can be used, or all that is known of one',
    takes: '[options] [model]',
    load: async () => (await import('./commands/models.js')).addModelsCommand,
  },
  credits: {
    does: 'how many credits the account has',
    takes: '[options]',
    load: async () => (await import('./commands/credits.js')).addCreditsCommand,
  },
  webhooks: {
    does: 'where Rivya tells of tasks that are over, for worker --hooks-port',
    takes: '',
    load: async () => (await import('./commands/webhooks.js')).addWebhooksCommand,
  },
  doctor: {
    does: 'look whether everything is in order',
    takes: '[options]',
    load: async () => (await import('./commands/doctor.js')).addDoctorCommand,
  },
  simulator: {
    does: 'a stand-in for the Rivya API with a bill of its own, for trying things out',
    takes: '[options]',
    load: async () => (await import('./commands/simulator.js')).addSimulatorCommand,
  },
};

const afterHelp = `
Examples (without a key: add --simulate to "run"):
  rivya-batch check examples/catalog.csv --id sku \\
    --model z-image --prompt 'Studio photo of {{title}}'
  rivya-batch run examples/catalog.csv --out out/spring --id sku \\
    --model z-image --prompt 'Studio photo of {{title}}'
  rivya-batch status spring

Environment: RIVYA_API_KEY, RIVYA_BASE_URL, REDIS_URL (without it a private
Redis is started), RIVYA_BATCH_HOME, HTTPS_PROXY. Options have a twin, such as
RIVYA_BATCH_RATE for --rate; those that pay again or skip a question have none.
A file .env is read. RIVYA_API_KEY_FILE, REDIS_URL_FILE, MONITOR_PASSWORD_FILE
and RIVYA_BATCH_HOOKS_PATH_FILE name files that hold these.

Exit codes: 0 all succeeded, 1 unexpected error, 2 bad usage or input (nothing
spent), 3 finished but some did not succeed, 4 stopped with work left,
130 interrupted, or not wanted when it asked (the same command continues).`;

/**
 * Puts the command line together.
 * @param typed what stands behind the program's name; `all`: every command, as if each were asked for
 */
export async function createProgram(
  setup: CommandSetup,
  typed: readonly string[] | 'all',
): Promise<Command> {
  const program = new Command('rivya-batch')
    .description(
      'Batch generation with the Rivya API: every brief is paid once and becomes a file.',
    )
    .version(version())
    .exitOverride()
    .configureHelp(helpLayout)
    .configureOutput({
      outputError: (text, write) => write(wrapProse(text, process.stderr.columns ?? text.length)),
    })
    .showHelpAfterError('(rivya-batch COMMAND --help shows how)')
    .addHelpText('after', afterHelp);
  const wanted = typed === 'all' ? Object.keys(commands) : wantedOf(typed);
  if (wanted.length === 0) listCommands(program);
  for (const name of wanted) {
    const listed = commands[name];
    if (listed === undefined) continue;
    (await listed.load())(program, setup);
    program.commands.at(-1)?.description(listed.does);
  }
  addPrefix(program, setup);
  return program;
}

/** Commander leaves a column of texts that is narrower than 40 unbroken: on 80 columns that is this program's own. */
const helpLayout = { minWidthToWrap: 20 };

/** The command of a line, also behind `help`; none where there is none of that name. */
function wantedOf(typed: readonly string[]): string[] {
  const name = typed.find((word) => word !== 'help' && !word.startsWith('-'));
  return name !== undefined && Object.hasOwn(commands, name) ? [name] : [];
}

/** For the help alone, and for whoever mistypes a name: none of them can be run. */
function listCommands(program: Command): void {
  for (const [name, { does }] of Object.entries(commands)) program.command(name).description(does);
  const plain = new Help();
  program.configureHelp({
    ...helpLayout,
    subcommandTerm: (command) => {
      const takes = commands[command.name()]?.takes;
      return takes === undefined
        ? plain.subcommandTerm(command)
        : `${command.name()} ${takes}`.trimEnd();
    },
  });
}

/** They know files and the API, and no Redis. */
const withoutRedis = new Set([
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

function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
