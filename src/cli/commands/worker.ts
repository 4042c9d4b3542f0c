import { type Command, Option } from 'commander';
import type { Logger } from 'pino';
import type { AccountLedger } from '../../ledger/account-ledger.js';
import { placeOf } from '../../results/output-places.js';
import { checkHooksPath } from '../../session/environment.js';
import { openMessenger } from '../../session/messenger-session.js';
import { lastModels } from '../../session/model-list.js';
import { openClient } from '../../session/open-client.js';
import { startSchedules } from '../../session/schedule-session.js';
import { openAccount, openStoreSession } from '../../session/store-session.js';
import { Tidying } from '../../session/tidy.js';
import { openWorker, type RequestLimits } from '../../session/worker-session.js';
import { BatchError, ExitCode } from '../../shared/errors.js';
import type { ListenAddress } from '../../shared/listen.js';
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
  stages,
  twin,
  wholeNumber,
} from '../options/flags.js';
import type { CommandSetup } from '../setup.js';
import { Interrupts } from '../text/interrupts.js';
import { openLogger } from '../text/open-logger.js';

interface WorkerFlags extends RequestLimits, LogFlags {
  out?: string;
  stages: QueueStage[];
  healthPort?: number;
  healthHost: string;
  hooksPort?: number;
  hooksHost: string;
  hooksPath?: string;
  hooksSignature: (typeof signatures)[number];
}

/** Rivya signs its events, and has not documented how. */
const signatures = ['none', 'rivya'] as const;

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
    new Option(
      '--hooks-port <n>',
      "take Rivya's webhooks there, as hints which tasks to look at; 0 for a free one",
    ).argParser(wholeNumber(0)),
    new Option('--hooks-host <address>', 'address of the port for webhooks').default('127.0.0.1'),
    new Option('--hooks-path <secret>', 'where they are posted to: what nobody else may guess'),
    new Option('--hooks-signature <scheme>', 'how their signature is verified')
      .choices(signatures)
      .default('none'),
  ];
  for (const option of options) command.addOption(twin(option));
  addRequestFlags(command);
  addLogFlag(command);
  command.action((flags: WorkerFlags) => setup.run(() => work(setup, flags)));
}

async function work(setup: CommandSetup, flags: WorkerFlags): Promise<ExitCode> {
  const { settings, terminal } = setup;
  const hooks = hooksOf(setup, flags);
  const client = openClient(settings);
  const log = openLogger(flags.logLevel);
  const session = await openStoreSession(settings, terminal);
  const interrupts = new Interrupts();
  const stopping = interrupts.signal;
  const account = openAccount(session);
  const models = await lastModels(settings);
  const hints = hooks === null ? ('none' as const) : ('hints' as const);
  const parts = {
    session,
    account,
    client,
    stages: flags.stages,
    limits: flags,
    log,
    models,
    hints,
  };
  const { worker, close } = await openWorker(parts);
  const schedules = flags.stages.includes('submit')
    ? await startSchedules(session, { account, models, log, stopping })
    : null;
  const messenger = openMessenger(session, account, log);
  messenger.start(worker.news);
  const tidying = new Tidying(session, log);
  let health: HealthServer | null = null;
  let receiver: OpenHooks | null = null;
  try {
    health = await openHealth(worker, flags);
    receiver = hooks && (await openHooks(hooks, { worker, account, log }));
    const { stages } = flags;
    const origins = { health: health?.origin, hooks: receiver?.origin };
    log.info({ redis: session.store.where, stages, ...origins }, 'worker ready');
    await serveBatches({
      worker,
      connection: session.connection,
      prefix: settings.prefix,
      account,
      out: flags.out ? placeOf(flags.out) : null,
      places: settings,
      collects: stages.includes('collect') ? 'collects' : 'leaves_files_to_others',
      log,
      notifyFor: noticeLogger(log, session.clock.now),
      now: session.clock.now,
      stopping,
    });
    log.info('worker stopping');
    return ExitCode.succeeded;
  } finally {
    await receiver?.close();
    await Promise.all([close(drainMs), schedules?.close(drainMs), tidying.close()]);
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

interface Hooks {
  place: ListenAddress;
  path: string;
}

/** Where the API's events are taken; null where they are not. @throws BatchError `usage` */
function hooksOf({ settings }: CommandSetup, flags: WorkerFlags): Hooks | null {
  const { hooksPort: port, hooksHost: host, hooksSignature } = flags;
  if (port === undefined) return null;
  if (hooksSignature === 'rivya') {
    throw new BatchError(
      'usage',
      'Rivya has not documented in which headers its events are signed, so no signature can be verified yet: leave --hooks-signature out. What guards the receiver is its path; and an event is never more than a reason to ask Rivya about a task.',
    );
  }
  const path = flags.hooksPath === undefined ? null : checkHooksPath(flags.hooksPath);
  const secret = path ?? settings.hooksPath;
  if (secret === null) {
    throw new BatchError(
      'usage',
      '--hooks-port needs the path that events are posted to: set RIVYA_BATCH_HOOKS_PATH (or RIVYA_BATCH_HOOKS_PATH_FILE) to what "openssl rand -hex 16" says.',
    );
  }
  return { place: { host, port }, path: secret };
}

type OpenHooks = Pick<HealthServer, 'origin' | 'close'>;

/** Loaded only where it is wanted. */
async function openHooks(
  { place, path }: Hooks,
  { worker, account, log }: { worker: WorkerProcess; account: AccountLedger; log: Logger },
): Promise<OpenHooks> {
  const [{ HintDesk }, { startHintServer }] = await Promise.all([
    import('../../worker/hints/hint-desk.js'),
    import('../../worker/hints/hint-server.js'),
  ]);
  const desk = new HintDesk({
    briefsOf: (taskIds) => account.briefsOf(taskIds),
    hasten: (brief, taskId) => worker.hasten(brief, taskId),
    log,
    elapsedMs: () => performance.now(),
  });
  const server = await startHintServer({ desk, path, place });
  return {
    origin: server.origin,
    async close() {
      await server.close();
      desk.close();
    },
  };
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
