import { once } from 'node:events';
import { type Command, Option } from 'commander';
import { lastModels } from '../../session/model-list.js';
import { openStoreSession } from '../../session/store-session.js';
import { BatchError, ExitCode } from '../../shared/errors.js';
import { addLogFlag, type LogFlags, wholeNumber } from '../options/flags.js';
import { commandFor } from '../options/kept-command.js';
import type { CommandSetup } from '../setup.js';
import { Interrupts } from '../text/interrupts.js';
import { openLogger } from '../text/open-logger.js';

interface MonitorFlags extends LogFlags {
  host: string;
  port: number;
  allowActions: boolean;
  login: boolean;
}

const monitorHelp = `The login comes from the environment: MONITOR_PASSWORD, and MONITOR_USER
(default: monitor). Prometheus reads /metrics with the same login; rules for
alerts are in ops/alerts.yml.`;

export function addMonitorCommand(program: Command, setup: CommandSetup): void {
  const command = program
    .command('monitor')
    .description(monitorHelp)
    .addOption(
      new Option('--host <address>', 'address to listen on')
        .env('MONITOR_HOST')
        .default('127.0.0.1'),
    )
    .addOption(
      new Option('--port <n>', 'port to listen on; 0 for a free one')
        .env('MONITOR_PORT')
        .argParser(wholeNumber(0))
        .default(3020),
    )
    .addOption(
      new Option(
        '--allow-actions',
        'let people act: pause, resume, cancel, retry, run schedules, decide on results',
      )
        .env('MONITOR_ALLOW_ACTIONS')
        .default(false),
    )
    .addOption(new Option('--no-login', 'nobody is asked for a password; on this machine only'));
  addLogFlag(command).action((flags: MonitorFlags) => setup.run(() => monitor(setup, flags)));
}

async function monitor(setup: CommandSetup, flags: MonitorFlags): Promise<ExitCode> {
  const { settings, terminal } = setup;
  const login = chooseLogin(setup, flags);
  const { startMonitor } = await import('../../monitor/start-monitor.js');
  const session = await openStoreSession(settings, terminal);
  const interrupts = new Interrupts();
  try {
    const served = await startMonitor({
      connection: session.connection,
      prefix: settings.prefix,
      clock: session.clock,
      log: openLogger(flags.logLevel),
      host: flags.host,
      port: flags.port,
      login,
      actions: flags.allowActions ? 'allowed' : 'read_only',
      places: settings,
      modelsOf: (origin) => lastModels({ ...settings, origin }),
      commandLine: (words) => commandFor(setup, [...words]),
    });
    const who = login ? `user ${login.user}` : 'no login';
    terminal.print(
      `Monitor: ${served.origin} (${who}, ${flags.allowActions ? 'actions allowed' : 'read-only'})`,
    );
    await once(interrupts.signal, 'abort');
    await served.close();
    return ExitCode.succeeded;
  } finally {
    interrupts.end();
    await session.close();
  }
}

function chooseLogin({ settings }: CommandSetup, flags: MonitorFlags) {
  if (!flags.login) return null;
  if (settings.monitorLogin) return settings.monitorLogin;
  throw new BatchError(
    'bad_configuration',
    'MONITOR_PASSWORD is not set. Put one into the environment or into a file named .env here; or use --no-login, on this machine only.',
  );
}
