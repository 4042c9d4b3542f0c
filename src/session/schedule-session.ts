import type { Logger } from 'pino';
import type { AccountLedger } from '../ledger/account-ledger.js';
import type { Model } from '../rivya/outcome.js';
import { ScheduleLedger } from '../schedule/ledger.js';
import { ScheduleQueue } from '../schedule/queue.js';
import { ScheduleWorker } from '../schedule/runs/schedule-worker.js';
import type { SteeredSchedules } from '../schedule/steer.js';
import { systemClock } from '../shared/clock.js';
import { requireApiKey, type Settings, userOfMachine } from './environment.js';
import { type ModelList, modelListNote, readModelList } from './model-list.js';
import { fetcherFor, inputFetcherFor } from './open-client.js';
import {
  batchContext,
  openAccount,
  openStoreSession,
  type StoreSession,
  type Teller,
} from './store-session.js';

export interface Schedules extends SteeredSchedules {
  session: StoreSession;
  account: AccountLedger;
}

/** Does something with the schedules of this environment's API origin and key. */
export async function withSchedules<T>(
  { settings, terminal }: { settings: Settings; terminal: Teller },
  act: (schedules: Schedules) => Promise<T>,
): Promise<T> {
  // Before a private Redis is started for nothing.
  requireApiKey(settings);
  const session = await openStoreSession(settings, terminal);
  try {
    const account = openAccount(session);
    const parts = partsFor(session, account);
    try {
      await parts.ledger.takeOverWebhooks();
      const batches = { redis: session.connection, prefix: settings.prefix, account };
      const by = { name: userOfMachine(), from: 'command line' } as const;
      return await act({ session, account, batches, by, ...parts });
    } finally {
      await parts.queue.close();
    }
  } finally {
    await session.close();
  }
}

/** Has this process take the ticks of its API origin and key. */
export async function startSchedules(
  session: StoreSession,
  parts: { account: AccountLedger; models: Model[]; log: Logger; stopping: AbortSignal },
): Promise<{ close(deadlineMs: number): Promise<void> }> {
  const { settings } = session;
  // Ticks come by the time of day that BullMQ goes by.
  const clock = systemClock;
  const { account, models, log, stopping } = parts;
  const { ledger, queue } = partsFor(session, account);
  const worker = new ScheduleWorker({
    ledger,
    queue,
    batches: batchContext(session, account, models),
    ...{ clock, log, stopping },
    readModels: () => readModelsFor(settings, log),
    fetchReference: fetcherFor(settings),
    fetchSource: inputFetcherFor(settings),
  });
  await worker.start();
  return {
    async close(deadlineMs) {
      await worker.close(deadlineMs);
      await queue.close();
    },
  };
}

async function readModelsFor(settings: Settings, log: Logger): Promise<ModelList> {
  const list = await readModelList(settings);
  const note = modelListNote(list);
  if (note !== null) log.warn(note);
  return list;
}

function partsFor(
  { connection, settings: { prefix, origin } }: StoreSession,
  { account }: AccountLedger,
) {
  return {
    ledger: new ScheduleLedger(connection, prefix, { account, origin }),
    queue: new ScheduleQueue(connection, prefix, account),
  };
}
