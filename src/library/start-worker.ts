import type { Logger } from 'pino';
import { localOutput } from '../batch/open-batch.js';
import { isBucketAddress } from '../bucket/bucket-address.js';
import type { AccountLedger } from '../ledger/account-ledger.js';
import type { BatchMeta } from '../ledger/batch-meta.js';
import { batchesKey } from '../ledger/keys.js';
import { folderOf, placeOf } from '../results/output-places.js';
import type { RivyaClient } from '../rivya/client.js';
import { redactSecrets } from '../rivya/transport-failure.js';
import { openMessenger } from '../session/messenger-session.js';
import { lastModels } from '../session/model-list.js';
import { openClient } from '../session/open-client.js';
import { startSchedules } from '../session/schedule-session.js';
import { openAccount, type StoreSession } from '../session/store-session.js';
import { Tidying } from '../session/tidy.js';
import { openWorker } from '../session/worker-session.js';
import { BatchError } from '../shared/errors.js';
import { createLogger } from '../shared/logger.js';
import type { ManifestLine } from '../shared/manifest-line.js';
import { type QueueStage, queueStages } from '../shared/queue-names.js';
import { serveBatches } from '../worker/serve-batches.js';
import { type Connection, connect, settingsOf } from './connection.js';
import { LineTellers } from './tell-lines.js';

export interface WorkerOptions extends Connection {
  /** Folder for batches that name none of their own, each in a folder of its name where there are several. */
  out?: string;
  /** What this machine does; one without the disk leaves out `collect`. Absent: all of it. */
  stages?: readonly QueueStage[];
  /** Requests a second, over all machines; absent: learned. */
  rate?: number;
  /** Accepted and unfinished tasks, over all machines; absent: 8 until learned. */
  inFlight?: number;
  /** HTTP requests at once, per stage; absent: 8. */
  concurrency?: number;
  /**
   * Called with each line once it is in the manifest and its files are on disk (S5): at least once, also over crashes,
   * and again where it throws; no other line waits for it. `brief_id` and `attempt` tell repetitions apart.
   */
  onLine?(line: ManifestLine, place: { out: string }): void | Promise<void>;
  /** Whose place in the lines is kept, in each folder; absent: `default`. */
  consumer?: string;
  /** Ends the worker, as `stop` does. */
  signal?: AbortSignal;
  /** Absent: nothing is logged. */
  logger?: Logger;
}

export interface RunningWorker {
  /** Resolves when it has ended; rejects with what ended it. */
  readonly ended: Promise<void>;
  /** Takes nothing more, finishes what is under way within 12 s, and leaves the rest to other workers. */
  stop(): Promise<void>;
}

const drainMs = 12_000;
const usualConcurrency = 8;
const usualKeyLifeHours = 24;

/**
 * Works on all open batches of a key, and on its schedules, until it is stopped: what `rivya-batch worker` does, in this
 * process. Several may run in one process.
 * @throws BatchError `bad_configuration`, `redis_unreachable`, ...
 */
export async function startWorker(options: WorkerOptions = {}): Promise<RunningWorker> {
  const client = openClient(settingsOf(options));
  const opened: (() => Promise<unknown> | undefined)[] = [() => client.close()];
  try {
    return await open(options, client, opened);
  } catch (error) {
    for (const close of opened.reverse()) await close();
    throw error;
  }
}

/** @param opened what is to be closed, the last one first */
async function open(
  options: WorkerOptions,
  client: RivyaClient,
  opened: (() => Promise<unknown> | undefined)[],
): Promise<RunningWorker> {
  const { stages = queueStages, onLine, consumer = 'default', logger, signal } = options;
  const log = logger ?? createLogger('silent', process.stderr, redactSecrets);
  const session = await connect(options);
  opened.push(() => session.close());
  const { settings, connection, clock } = session;
  const account = openAccount(session);
  const models = await lastModels(settings);
  const tellers = onLine && new LineTellers({ onLine, consumer, log });
  await tellers?.beginWith(await foldersOf(session, account));
  opened.push(() => tellers?.close());
  const limits = limitsOf(options);
  const { worker, close } = await openWorker({
    ...{ session, account, client, stages, limits, log, models },
  });
  opened.push(() => close(drainMs));
  const stopping = new AbortController();
  const messenger = openMessenger(session, account, log);
  messenger.start(worker.news);
  opened.push(() => messenger.close());
  const tidying = new Tidying(session, log);
  opened.push(() => tidying.close());
  if (stages.includes('submit')) {
    const parts = { account, models, log, stopping: stopping.signal };
    const schedules = await startSchedules(session, parts);
    opened.push(() => schedules.close(drainMs));
  }
  // Which may be that lines were written.
  if (tellers) worker.onActivity(() => tellers.wake());
  const folderOfBatch = async (batch: string) =>
    folderOf(settings, (await session.findBatch(batch)).meta.out);
  const serving = serveBatches({
    worker,
    connection,
    prefix: settings.prefix,
    account,
    out: options.out === undefined ? null : placeOf(options.out),
    places: settings,
    collects: stages.includes('collect') ? 'collects' : 'leaves_files_to_others',
    log,
    notifyFor: (batch) => {
      tellers?.expect(batch, folderOfBatch);
      return (notice) => {
        if (notice.kind !== 'lined') log.warn({ batch, notice }, notice.kind);
      };
    },
    now: clock.now,
    stopping: stopping.signal,
  });
  const abort = () => stopping.abort();
  signal?.addEventListener('abort', abort, { once: true });
  if (signal?.aborted) abort();
  const ended = serving.finally(async () => {
    signal?.removeEventListener('abort', abort);
    for (const closeOne of opened.reverse()) await closeOne();
  });
  // Whoever waits for it hears of its end; nobody has to.
  ended.catch(() => undefined);
  const stop = () => {
    abort();
    return ended;
  };
  return { ended, stop };
}

function limitsOf({ rate, inFlight, concurrency = usualConcurrency }: WorkerOptions) {
  return {
    ...(rate === undefined ? {} : { rate }),
    ...(inFlight === undefined ? {} : { inFlight }),
    concurrency,
    keyLife: usualKeyLifeHours,
  };
}

/** Of all batches of an account whose results are on this machine. */
async function foldersOf(session: StoreSession, { account }: AccountLedger): Promise<string[]> {
  const { connection, settings } = session;
  const folders: string[] = [];
  for (const name of await connection.smembers(batchesKey(settings.prefix))) {
    const found = await session.findBatch(name).catch(ignoreForgotten);
    if (found?.meta.account !== account) continue;
    const { ledger, meta } = found;
    // What a bucket refuses now is told when somebody works on the batch.
    const ignore = (error: unknown) => ignoreBucket(meta, error);
    const out = await localOutput(ledger, meta, settings).catch(ignore);
    if (out !== null) folders.push(out);
  }
  return folders;
}

function ignoreBucket({ out }: BatchMeta, error: unknown): null {
  if (isBucketAddress(out) && error instanceof BatchError) return null;
  throw error;
}

function ignoreForgotten(error: unknown): null {
  if (error instanceof BatchError && error.code === 'batch_not_found') return null;
  throw error;
}
