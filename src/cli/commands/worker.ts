import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import type { Logger } from 'pino';
import { ExitCode } from '../../shared/errors.js';
import { type QueueStage, queueStages } from '../../shared/queue-names.js';
import type { HealthServer } from '../../worker/health-server.js';
import { NoticeNews, type Notify } from '../../worker/notices.js';
import { serveBatches } from '../../worker/serve-batches.js';
import type { WorkerProcess } from '../../worker/worker-process.js';
import {
  addLogFlag,
  addOutFlag,
  addRequestFlags,
  type LogFlags,
  type RequestFlags,
  stages,
  twin,
  wholeNumber,
} from '../options/flags.js';
import { lastModels } from '../options/model-list.js';
import { openMessenger } from '../sessions/messenger-session.js';
import { openClient } from '../sessions/open-client.js';
import { startSchedules } from '../sessions/schedule-session.js';
import { openWorker } from '../sessions/worker-session.js';
import { type CommandSetup, openAccount, openStoreSession } from '../setup.js';
import { Interrupts } from '../text/interrupts.js';
import { openLogger } from '../text/open-logger.js';

interface WorkerFlags extends RequestFlags, LogFlags {
  out?: string;
  stages: QueueStage[];
  healthPort?: number;
  healthHost: string;
}

/** SIGTERM drains and exits within 15 s: what is not finished by then goes to another worker. */
const drainMs = 12_000;

export function addWorkerCommand(program: Command, setup: CommandSetup): void {
  const command = program.command('worker');
  addOutFlag(command, 'folder for batches that name none of their own');
  const options = [
    new Option('--stages <list>', 'what this machine does')
      .argParser(stages)
      .default([...queueStages], 'submit,status,collect'),
    new Option(
      '--health-port <n>',
      'answer GET /health and GET /ready there; 0 for a free one',
    ).argParser(wholeNumber(0)),
    new Option('--health-host <address>', 'address of the health port').default('127.0.0.1'),
  ];
  for (const option of options) command.addOption(twin(option));
  addRequestFlags(command);
  addLogFlag(command);
  command.action((flags: WorkerFlags) => setup.run(() => work(setup, flags)));
}

async function work(setup: CommandSetup, flags: WorkerFlags): Promise<ExitCode> {
  const { settings, terminal } = setup;
  const client = openClient(settings);
  const log = openLogger(flags.logLevel);
  const session = await openStoreSession(settings, terminal);
  const interrupts = new Interrupts();
  const stopping = interrupts.signal;
  const account = openAccount(session);
  const models = await lastModels(settings);
  const parts = { session, account, client, stages: flags.stages, flags, log, models };
  const { worker, close } = await openWorker(parts);
  const schedules = flags.stages.includes('submit')
    ? await startSchedules(session, { account, models, log, stopping })
    : null;
  const messenger = openMessenger(session, account, log);
  messenger.start(worker.news);
  let health: HealthServer | null = null;
  try {
    health = await openHealth(worker, flags);
    const { stages } = flags;
    log.info({ redis: session.store.where, stages, health: health?.origin }, 'worker ready');
    await serveBatches({
      worker,
      connection: session.connection,
      prefix: settings.prefix,
      account,
      out: flags.out ? resolve(flags.out) : null,
      collects: stages.includes('collect') ? 'collects' : 'leaves_files_to_others',
      log,
      notifyFor: noticeLogger(log, session.clock.now),
      now: session.clock.now,
      stopping,
    });
    log.info('worker stopping');
    return ExitCode.succeeded;
  } finally {
    await Promise.all([close(drainMs), schedules?.close(drainMs)]);
    await messenger.close();
    // To the last: whoever asks is told that it is stopping.
    await health?.close();
    interrupts.end();
    await session.close();
    await client.close();
  }
}

async function openHealth(
  worker: WorkerProcess,
  { healthPort, healthHost }: WorkerFlags,
): Promise<HealthServer | null> {
  if (healthPort === undefined) return null;
  const { startHealthServer } = await import('../../worker/health-server.js');
  return startHealthServer(worker, { host: healthHost, port: healthPort });
}

/** Trouble of the whole batch is logged once a minute, not with every brief that meets it; a brief's own always is. */
function noticeLogger(log: Logger, now: () => number): (batch: string) => Notify {
  return (batch) => {
    const news = new NoticeNews(now);
    return (notice) => {
      if (notice.kind === 'lined') log.debug({ batch, notice }, notice.kind);
      else if ('briefId' in notice || news.take(notice) === 'news')
        log.warn({ batch, notice }, notice.kind);
    };
  };
}
