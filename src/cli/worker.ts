import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { ExitCode } from '../shared/errors.js';
import { type QueueStage, queueStages } from '../shared/queues.js';
import { serveBatches } from '../worker/serve-batches.js';
import type { CommandSetup } from './command-setup.js';
import { addOutFlag, addRequestFlags, type RequestFlags, stages, twin } from './flags.js';
import { Interrupts } from './interrupts.js';
import { startSchedules } from './schedule-session.js';
import { openAccount, openClient, openLogger, openStoreSession } from './session.js';
import { openWorker } from './worker-session.js';

interface WorkerFlags extends RequestFlags {
  out?: string;
  stages: QueueStage[];
}

/** SIGTERM drains and exits within 15 s: what is not finished by then goes to another worker. */
const drainMs = 12_000;

export function addWorkerCommand(program: Command, setup: CommandSetup): void {
  const command = program
    .command('worker')
    .description('a long-running worker for all open batches of its key');
  addOutFlag(command, 'folder for batches that name none of their own', 'optional');
  command.addOption(
    twin(
      new Option('--stages <list>', 'what this machine does')
        .argParser(stages)
        .default([...queueStages], 'submit,status,collect'),
    ),
  );
  addRequestFlags(command);
  command.action((flags: WorkerFlags) => setup.run(() => work(setup, flags)));
}

async function work(setup: CommandSetup, flags: WorkerFlags): Promise<ExitCode> {
  const { settings, terminal } = setup;
  const client = openClient(settings);
  const log = openLogger(setup.logLevel);
  const session = await openStoreSession(settings, terminal);
  const interrupts = new Interrupts();
  const account = openAccount(session);
  const { worker, close } = await openWorker({
    session,
    account,
    client,
    stages: flags.stages,
    flags,
    log,
  });
  const stopping = interrupts.signal;
  const schedules = flags.stages.includes('submit')
    ? await startSchedules(session, { account, log, stopping })
    : null;
  try {
    log.info({ redis: session.store.where, stages: flags.stages }, 'worker ready');
    await serveBatches({
      worker,
      connection: session.connection,
      prefix: settings.prefix,
      account,
      out: flags.out ? resolve(flags.out) : null,
      collects: flags.stages.includes('collect') ? 'collects' : 'leaves_files_to_others',
      log,
      notifyFor: (batch) => (notice) => {
        const level = notice.kind === 'lined' ? 'debug' : 'warn';
        log[level]({ batch, notice }, notice.kind);
      },
      stopping,
    });
    log.info('worker stopping');
    return ExitCode.succeeded;
  } finally {
    await Promise.all([close(drainMs), schedules?.close(drainMs)]);
    interrupts.end();
    await session.close();
    await client.close();
  }
}
