import { readFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { checkPrefix } from './options/environment.js';
import type { CommandSetup } from './setup.js';
import { wrapProse } from './text/terminal.js';

type AddCommand = (program: Command, setup: CommandSetup) => void;

/** One file per command, in the order of the help; only the one that is asked for is loaded. */
const commands: Record<string, () => Promise<AddCommand>> = {
  run: async () => (await import('./commands/run.js')).addRunCommand,
  check: async () => (await import('./commands/check.js')).addCheckCommand,
  enqueue: async () => (await import('./commands/enqueue.js')).addEnqueueCommand,
  continue: async () => (await import('./commands/continue.js')).addContinueCommand,
  worker: async () => (await import('./commands/worker.js')).addWorkerCommand,
  status: async () => (await import('./commands/status.js')).addStatusCommand,
  pause: async () => (await import('./commands/steer.js')).addPauseCommand,
  resume: async () => (await import('./commands/steer.js')).addResumeCommand,
  cancel: async () => (await import('./commands/steer.js')).addCancelCommand,
  retry: async () => (await import('./commands/retry.js')).addRetryCommand,
  manifest: async () => (await import('./commands/export.js')).addManifestCommand,
  sheet: async () => (await import('./commands/export.js')).addSheetCommand,
  verify: async () => (await import('./commands/verify.js')).addVerifyCommand,
  forget: async () => (await import('./commands/steer.js')).addForgetCommand,
  schedule: async () => (await import('./commands/schedule.js')).addScheduleCommand,
  monitor: async () => (await import('./commands/monitor.js')).addMonitorCommand,
  models: async () => (await import('./commands/models.js')).addModelsCommand,
  credits: async () => (await import('./commands/credits.js')).addCreditsCommand,
  doctor: async () => (await import('./commands/doctor.js')).addDoctorCommand,
  simulator: async () => (await import('./commands/simulator.js')).addSimulatorCommand,
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
A file .env is read. RIVYA_API_KEY_FILE, REDIS_URL_FILE and
MONITOR_PASSWORD_FILE name files that hold these.

Exit codes: 0 all succeeded, 1 unexpected error, 2 bad usage or input (nothing
spent), 3 finished but some did not succeed, 4 stopped with work left,
130 interrupted, or not wanted when it asked (the same command continues).`;

/** Puts the command line together; `wanted` is the command's name, or anything else for all of them. */
export async function createProgram(
  setup: CommandSetup,
  wanted: string | undefined,
): Promise<Command> {
  const program = new Command('rivya-batch')
    .description(
      'Batch generation with the Rivya API: every brief is paid once and becomes a file.',
    )
    .version(version())
    .exitOverride()
    // Commander leaves a column of texts that is narrower than 40 unbroken: on 80 columns that is this program's own.
    .configureHelp({ minWidthToWrap: 20 })
    .configureOutput({
      outputError: (text, write) => write(wrapProse(text, process.stderr.columns ?? text.length)),
    })
    .showHelpAfterError('(rivya-batch COMMAND --help shows how)')
    .addHelpText('after', afterHelp);
  const only =
    wanted !== undefined && Object.hasOwn(commands, wanted) ? commands[wanted] : undefined;
  for (const load of only ? [only] : Object.values(commands)) (await load())(program, setup);
  addPrefix(program, setup);
  return program;
}

/** They know files and the API, and no Redis. */
const withoutRedis = new Set([
  'check',
  'verify',
  'manifest',
  'sheet',
  'models',
  'credits',
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
  program.hook('preAction', (_program, command) => {
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
