import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { addCheckCommand } from './check.js';
import type { CommandSetup } from './command-setup.js';
import { addCreditsCommand } from './credits.js';
import { addDoctorCommand } from './doctor.js';
import { addEnqueueCommand } from './enqueue.js';
import { addForgetCommand } from './forget.js';
import { addManifestCommand } from './manifest.js';
import { addModelsCommand } from './models.js';
import { addRunCommand } from './run.js';
import { addSimulatorCommand } from './simulator.js';
import { addStatusCommand } from './status.js';
import { addWorkerCommand } from './worker.js';

const afterHelp = `
Examples:
  rivya-batch check catalog.csv --id sku --model z-image --prompt 'Studio photo of {{title}}'
  rivya-batch run catalog.csv --out spring --id sku --model z-image --prompt 'Studio photo of {{title}}'
  rivya-batch status spring

Environment: RIVYA_API_KEY, RIVYA_BASE_URL, REDIS_URL (without it a private Redis is started),
RIVYA_BATCH_HOME, HTTPS_PROXY; every option has a twin, such as RIVYA_BATCH_RATE for --rate. A file .env is read.

Exit codes: 0 all succeeded, 1 unexpected error, 2 bad usage or input (nothing spent),
3 finished but some did not succeed, 4 stopped with work left, 130 interrupted (same command continues).`;

/** The command line: one file per command; this one only puts them together. */
export function createProgram(setup: CommandSetup): Command {
  const program = new Command('rivya-batch')
    .description(
      'Batch generation with the Rivya API: every brief is paid once and becomes a file.',
    )
    .version(version())
    .exitOverride()
    .showHelpAfterError('(rivya-batch COMMAND --help shows how)')
    .addHelpText('after', afterHelp);
  const add = [
    addRunCommand,
    addCheckCommand,
    addEnqueueCommand,
    addWorkerCommand,
    addStatusCommand,
    addManifestCommand,
    addForgetCommand,
    addModelsCommand,
    addCreditsCommand,
    addDoctorCommand,
    addSimulatorCommand,
  ];
  for (const addCommand of add) addCommand(program, setup);
  return program;
}

function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
